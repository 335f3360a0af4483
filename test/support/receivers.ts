/** Small receivers with a scripted behaviour, over HTTP or HTTPS, for tests of the sender. */
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { gunzipSync } from 'node:zlib'

/** One request as it came, its body decompressed. */
interface Taken {
  headers: IncomingMessage['headers']
  url: string
  method: string
  /** Lines of the body, without newlines. */
  lines: string[]
  at: number
}

/** What to do with a request: a status, or anything with the response and its socket. */
type Behaviour = (
  taken: Taken,
  response: ServerResponse,
  request: IncomingMessage,
) => number | Promise<number | undefined> | undefined

export interface TestReceiver {
  port: number
  host: string
  /** All requests, refused ones as well. */
  requests: Taken[]
  /** Lines of requests that were answered 2xx. */
  accepted: string[]
  /** Connections since the start, and those that are open now. */
  connections: () => number
  open: () => number
  behave(behaviour: Behaviour): void
  renew(tls: TlsOptions): void
  close(): Promise<void>
}

interface Options {
  tls?: TlsOptions
  port?: number
  host?: string
  behaviour?: Behaviour
}

/** Ends with the test. */
export async function startTestReceiver(
  t: { after(done: () => Promise<void>): void },
  { tls, port = 0, host = '127.0.0.1', behaviour: initial = () => 200 }: Options = {},
): Promise<TestReceiver> {
  const requests: Taken[] = []
  const accepted: string[] = []
  const sockets = new Set<Socket>()
  let behaviour = initial
  let opened = 0

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = gunzipSync(Buffer.concat(chunks)).toString()
    const { headers, url = '', method = '' } = request
    const lines = body.split('\n').slice(0, -1)
    const taken = { headers, url, method, lines, at: performance.now() }
    requests.push(taken)
    const status = await behaviour(taken, response, request)
    if (status === undefined) return
    if (status >= 200 && status < 300) accepted.push(...lines)
    response.writeHead(status, { 'Content-Length': 2 }).end('ok')
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy())
  }
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener)
  server.keepAliveTimeout = 600_000
  server.on('connection', (socket: Socket) => {
    opened += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  async function close(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.after(close)
  return {
    port: (server.address() as AddressInfo).port,
    host,
    requests,
    accepted,
    connections: () => opened,
    open: () => sockets.size,
    behave(next) {
      behaviour = next
    },
    renew(options) {
      if (server instanceof https.Server) server.setSecureContext(options)
    },
    close,
  }
}

/** A server below HTTP: what it does with each connection is the test's to say. */
export async function startRawServer(
  t: { after(done: () => Promise<void>): void },
  onConnection: (socket: Socket, number: number) => void,
): Promise<{ port: number; connections: () => number }> {
  const sockets = new Set<Socket>()
  let opened = 0
  const server = net.createServer((socket) => {
    opened += 1
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket, opened)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { port: (server.address() as AddressInfo).port, connections: () => opened }
}
