/**
 * The connections to the API server: one pool for all requests and watches, HTTP/2 where the server offers it. Measured
 * with 500 watches: 5 sockets and 5 MiB by HTTP/2, 500 sockets and 70 MiB by HTTP/1.1.
 *
 * Many watches on one connection are lost together when it dies in silence (half-open TCP), and undici goes on using such
 * a connection. So each is pinged, and one on which nothing arrives for a while is cut: its watches begin again elsewhere.
 */
import type { Socket } from 'node:net'
import { Agent, buildConnector, ProxyAgent, type Dispatcher } from 'undici'
import type { Credentials } from './credentials.ts'

export interface TransportLimits {
  /** Between two pings of a connection. */
  pingMs: number
  /** A connection that was pinged and on which nothing arrived for so long is cut. */
  deadMs: number
  connectMs: number
}

export interface Transport {
  /** The pool for these credentials; new ones get a new pool, and the old one closes after its last answer. */
  dispatcher(credentials: Credentials): Dispatcher
  sockets(): number
  /** Cuts everything. */
  close(): Promise<void>
}

interface Alive {
  bytes: number
  at: number
}

export function createTransport(limits: TransportLimits): Transport {
  const { pingMs, deadMs, connectMs } = limits
  const sockets = new Map<Socket, Alive>()
  const pools = new Set<Dispatcher>()
  let current: { digest: string; pool: Dispatcher } | undefined

  let lookedAt = performance.now()
  const look = setInterval(() => {
    const now = performance.now()
    // This process stood still itself (no CPU, suspended): what arrived meanwhile is not read yet.
    const stoodStill = now - lookedAt >= 2 * pingMs
    lookedAt = now
    for (const [socket, alive] of sockets) {
      // Only HTTP/2 answers pings; what waits on a connection of HTTP/1.1 has limits of its own.
      if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') continue
      if (stoodStill || socket.bytesRead !== alive.bytes) {
        alive.bytes = socket.bytesRead
        alive.at = now
      } else if (now - alive.at >= deadMs) {
        socket.destroy(new Error(`Nothing came from the API server for ${deadMs} ms`))
      }
    }
  }, pingMs)
  look.unref()

  const connector = ({ tls }: Credentials): buildConnector.connector => {
    const connect = buildConnector({ ...tls, allowH2: true, timeout: connectMs })
    return (options, callback) => {
      connect(options, (...[error, socket]) => {
        // A failure brings no second argument at all, whatever undici's types say.
        if (error === null) {
          sockets.set(socket, { bytes: socket.bytesRead, at: performance.now() })
          socket.once('close', () => sockets.delete(socket))
          callback(null, socket)
        } else callback(error, null)
      })
    }
  }

  const open = (credentials: Credentials): Dispatcher => {
    // Time limits are those of each request.
    const settings = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 }
    if (credentials.proxy !== undefined) {
      return new ProxyAgent({ ...settings, uri: credentials.proxy, requestTls: credentials.tls })
    }
    const h2Options = { pingInterval: pingMs }
    return new Agent({ ...settings, allowH2: true, h2Options, connect: connector(credentials) })
  }

  return {
    dispatcher(credentials) {
      if (current?.digest === credentials.digest) return current.pool
      const old = current?.pool
      const pool = open(credentials)
      pools.add(pool)
      current = { digest: credentials.digest, pool }
      if (old !== undefined) void old.close().then(() => pools.delete(old))
      return pool
    },
    sockets: () => sockets.size,
    async close() {
      clearInterval(look)
      await Promise.all([...pools].map((pool) => pool.destroy()))
    },
  }
}
