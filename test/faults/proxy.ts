/**
 * A TCP proxy on the loopback that misbehaves as it is told, between the senders and one receiver. What it carries is TLS,
 * so all it can do is to lose, delay and break.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export type Weather =
  | { kind: 'fair' }
  /** Connections are reset as they come; those that are open stay. */
  | { kind: 'refuse' }
  /** Nothing moves. */
  | { kind: 'stall' }
  /** What comes from senders is swallowed. */
  | { kind: 'swallow' }
  | { kind: 'throttle'; bytesPerSecond: number }
  /** A connection is reset after so many bytes to the receiver, counted from now on. */
  | { kind: 'cut'; afterBytes: number }
  /** A connection is reset at the first byte of an answer. */
  | { kind: 'lose-answers' }

export interface Proxy {
  port: number
  weather(next: Weather): void
  resetAll(): void
  close(): Promise<void>
}

interface Link {
  from: Socket
  to: Socket
  /** Bytes to the receiver since the weather changed. */
  carried: number
}

const tickMs = 20
const fair: Weather = { kind: 'fair' }

export async function startProxy(options: {
  address: string
  port: number
  target: { host: string; port: number }
}): Promise<Proxy> {
  const links = new Set<Link>()
  let weather = fair

  function reset({ from, to }: Link): void {
    from.resetAndDestroy()
    to.resetAndDestroy()
  }

  /** Sockets are paused while they may not be read, so that the kernel's windows fill as in a real network. */
  function onData(link: Link, from: Socket, to: Socket, chunk: Buffer): void {
    const up = from === link.from
    if (weather.kind === 'swallow' && up) return
    if (weather.kind === 'lose-answers' && !up) return reset(link)
    if (weather.kind === 'cut' && up && link.carried + chunk.length >= weather.afterBytes) {
      to.write(chunk.subarray(0, weather.afterBytes - link.carried), () => reset(link))
      from.pause()
      return
    }
    if (up) link.carried += chunk.length
    const flows = to.write(chunk)
    if (weather.kind === 'throttle') {
      from.pause()
      const again = setTimeout(
        () => resume(from),
        Math.max(tickMs, (chunk.length / weather.bytesPerSecond) * 1000),
      )
      again.unref()
    } else if (!flows) {
      from.pause()
      to.once('drain', () => resume(from))
    }
  }

  function resume(socket: Socket): void {
    if (weather.kind !== 'stall') socket.resume()
  }

  function join(from: Socket, to: Socket, link: Link): void {
    from.on('data', (chunk: Buffer) => onData(link, from, to, chunk))
    from.on('end', () => to.end())
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => {
      to.destroySoon()
      links.delete(link)
    })
  }

  const server = createServer({ allowHalfOpen: true }, (from) => {
    if (weather.kind === 'refuse') {
      from.on('error', () => undefined).resetAndDestroy()
      return
    }
    const to = connect({ ...options.target, allowHalfOpen: true })
    const link = { from, to, carried: 0 }
    links.add(link)
    join(from, to, link)
    join(to, from, link)
    if (weather.kind === 'stall') for (const socket of [from, to]) socket.pause()
  })
  server.listen(options.port, options.address)
  await once(server, 'listening')

  return {
    port: options.port,
    weather(next) {
      const before = weather
      weather = next
      for (const link of links) {
        link.carried = 0
        // What was swallowed never comes: the connection is of no more use to anyone.
        if (before.kind === 'swallow' && next.kind !== 'swallow') reset(link)
        else if (next.kind === 'stall') for (const socket of [link.from, link.to]) socket.pause()
        else for (const socket of [link.from, link.to]) socket.resume()
      }
    },
    resetAll() {
      for (const link of links) reset(link)
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const link of links) reset(link)
      await closed
    },
  }
}
