/** The sockets: HTTP or HTTPS on one port, with limits on everything that a peer could hold open. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createTlsServer,
  Server as TlsServer,
  type ServerOptions,
} from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { messageOf, TerminalError } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import {
  clientDemands,
  refusedCertificate,
  serverContext,
  type ServerTls,
} from '../tls/server-context.ts'
import { sendAnswer } from './answer.ts'
import type { ReceiverMetrics } from './metrics.ts'

export interface ListenerOptions {
  host: string
  port: number
  maxConnections: number
  /** Undefined for plain HTTP. */
  tls: ServerTls | undefined
  handle(
    this: void,
    request: IncomingMessage,
    response: ServerResponse,
    expects: boolean,
  ): Promise<void>
  metrics: ReceiverMetrics
  log: Log
}

export interface Listener {
  readonly port: number
  readonly connections: number
  setMaxConnections(count: number): void
  /** Reaches connections made from now on; `clientAuthentication` must be what it was. */
  setTls(tls: ServerTls): void
  /** Takes no new connections, closes idle ones and frees the port at once; resolves when the last has ended. */
  stopAccepting(): Promise<void>
  /** Closes what is still open. */
  destroy(): void
}

// The real input keeps idle connections for ever; senders count on it that theirs are still there.
const keepAliveTimeout = 15 * 60 * 1000
// A body of 100 MiB at 3 Mbit/s; who is slower holds budget that others need.
const requestTimeout = 5 * 60 * 1000
const headersTimeout = 20_000
const handshakeTimeout = 10_000

/** Throws LSL_LISTEN_FAILED where the address cannot be had. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, tls, handle, metrics, log } = options
  const settings = { keepAliveTimeout, requestTimeout, headersTimeout, insecureHTTPParser: false }
  const server =
    tls === undefined
      ? createServer(settings)
      : createTlsServer({
          ...settings,
          ...serverContext(tls, newTicketKeys()),
          ...clientDemands(tls.clientAuthentication),
          handshakeTimeout,
        } satisfies ServerOptions)
  const sockets = new Set<Socket>()
  server.maxConnections = options.maxConnections

  function take(request: IncomingMessage, response: ServerResponse, expects: boolean): void {
    // A connection that was busy when the listener closed would go on for as long as it is used.
    response.once('close', () => {
      if (!server.listening) server.closeIdleConnections()
    })
    handle(request, response, expects).catch((error: unknown) => {
      log.error({ err: error }, 'A request failed inside the receiver')
      response.destroy()
    })
  }

  server.on('request', (request, response) => take(request, response, false))
  server.on('checkContinue', (request, response) => take(request, response, true))
  server.on('checkExpectation', (_request, response) =>
    sendAnswer(response, { status: 417 }, false),
  )
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('drop', () => {
    metrics.refusedConnections.inc({ why: 'limit' })
    log.debug('A connection was refused: as many as allowed are open')
  })
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    metrics.refusedConnections.inc({ why: 'http' })
    log.debug({ err: error }, 'A connection was ended: what came was no HTTP request')
    answerClientError(error.code, socket as Socket)
  })
  if (tls !== undefined) {
    server.on('tlsClientError', (error: Error) => {
      metrics.refusedConnections.inc({ why: 'tls' })
      log.debug({ err: error }, 'A TLS handshake failed')
    })
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      const problem = refusedCertificate(socket)
      if (problem === undefined) return
      metrics.refusedConnections.inc({ why: 'client-certificate' })
      log.debug({ problem }, 'A client certificate is refused')
      socket.destroy()
    })
  }

  await listenOn(server, host, port)
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size
    },
    setMaxConnections(count) {
      server.maxConnections = count
    },
    setTls(changed) {
      if (server instanceof TlsServer) {
        server.setSecureContext(serverContext(changed, newTicketKeys()))
      }
    },
    async stopAccepting() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await closed
    },
    destroy() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function newTicketKeys(): Buffer {
  return randomBytes(48)
}

async function listenOn(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (cause) {
    const parameters = [`${host}:${port}`, 'events', messageOf(cause)]
    throw new TerminalError('LSL_LISTEN_FAILED', parameters, { cause })
  }
}

/** A request that was too slow gets no answer: a real output retries then, where a 408 makes it give up. */
function answerClientError(code: string | undefined, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET' || code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy()
    return
  }
  const status =
    code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}
