/** HTTP as bytes on a socket, for requests that no client would send. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  body: string
}

export interface RawConnection {
  socket: Socket
  send(bytes: string | Buffer): void
  /** The next answer; rejects when the connection ends before it is whole, or after ten seconds. */
  answer(options?: { bodiless?: boolean }): Promise<RawAnswer>
  /** Resolves when the other side has closed. */
  closed: Promise<void>
  end(): void
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  let received: Buffer = Buffer.alloc(0)
  let ended = false
  let wake: (() => void) | undefined
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, Buffer.from(chunk)])
    wake?.()
  })
  // A reset is an end like any other to whoever waits for an answer.
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true
      wake?.()
      resolve()
    })
  })

  function take(bodiless: boolean): RawAnswer | undefined {
    const head = received.indexOf('\r\n\r\n')
    if (head === -1) return undefined
    const [statusLine = '', ...fields] = received.toString('latin1', 0, head).split('\r\n')
    const headers = Object.fromEntries(
      fields.map((field) => {
        const colon = field.indexOf(':')
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
      }),
    )
    const status = Number(statusLine.split(' ')[1])
    const length = bodiless || status === 100 ? 0 : Number(headers['content-length'] ?? 0)
    if (received.length < head + 4 + length) return undefined
    const body = received.toString('utf8', head + 4, head + 4 + length)
    received = received.subarray(head + 4 + length)
    return { status, headers, body }
  }

  return {
    socket,
    closed,
    send: (bytes) => void socket.write(bytes),
    end: () => socket.destroy(),
    async answer({ bodiless = false } = {}) {
      const limit = AbortSignal.timeout(12_000)
      limit.addEventListener('abort', () => wake?.())
      for (;;) {
        const answer = take(bodiless)
        if (answer !== undefined) return answer
        if (ended)
          throw new Error(`closed without an answer: ${JSON.stringify(received.toString())}`)
        limit.throwIfAborted()
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

/** One request on a connection of its own. */
export async function rawPost(
  port: number,
  body: string | Buffer,
  options: RawRequestOptions = {},
): Promise<RawAnswer> {
  const connection = await rawConnection(port)
  try {
    connection.send(rawRequest(body, options))
    return await connection.answer()
  } finally {
    connection.end()
  }
}

/** A whole request with its Content-Length, as bytes. */
export function rawRequest(
  body: string | Buffer,
  { method = 'POST', path = '/', headers = {} }: RawRequestOptions = {},
): Buffer {
  const bytes = Buffer.from(body as string)
  const fields = Object.entries({ host: 'x', 'content-length': String(bytes.length), ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}\r\n`), bytes])
}

export interface RawRequestOptions {
  method?: string
  path?: string
  headers?: Record<string, string>
}
