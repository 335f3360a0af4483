/** The sockets: HTTP or HTTPS on one port, with limits on everything that a peer could hold open. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createServer as createTlsServer,
  Server as TlsServer,
  type ServerOptions,
} from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { messageOf, TerminalError } from '../../errors.ts'
import { http } from '../../node-http.ts'
import type { Log } from '../../telemetry/log.ts'
import {
  clientDemands,
  refusedCertificate,
  serverContext,
  type ServerTls,
} from '../tls/server-context.ts'
import type { LimitHits } from '../limit-hits.ts'
import { sendAnswer } from './answer.ts'
import type { ReceiverLimit, ReceiverMetrics } from './metrics.ts'

export interface ListenerOptions {
  /** Empty: all addresses, of IPv6 too where there are such. */
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
  hit: LimitHits<ReceiverLimit>
  metrics: ReceiverMetrics
  log: Log
  timeouts: ListenerTimeouts
}

export interface Listener {
  readonly port: number
  readonly connections: number
  setMaxConnections(count: number): void
  /** Reaches connections made from now on; `clientAuthentication` must be what it was. */
  setTls(tls: ServerTls): void
  /** Takes no new connections, closes idle ones and frees the port at once; resolves when the last has ended. */
  stopAccepting(this: void): Promise<void>
  /** The same for a listener whose terms no longer hold: what is under way then is ended after a grace. */
  retire(): Promise<void>
  /** Closes what is still open. */
  destroy(this: void): void
}

/** Milliseconds. */
export interface ListenerTimeouts {
  keepAlive: number
  request: number
  headers: number
  handshake: number
  /** How long requests under way may last once other terms hold for new connections. */
  retired: number
}

export const listenerTimeouts: ListenerTimeouts = {
  // The real input keeps idle connections for ever; senders count on it that theirs are still there.
  keepAlive: 15 * 60 * 1000,
  // A body of 100 MiB at 3 Mbit/s; who is slower holds budget that others need.
  request: 5 * 60 * 1000,
  headers: 20_000,
  handshake: 10_000,
  retired: 30_000,
}

/** Throws LSL_LISTEN_FAILED where the address cannot be had. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, tls, handle, hit, metrics, log, timeouts } = options
  const settings = {
    keepAliveTimeout: timeouts.keepAlive,
    requestTimeout: timeouts.request,
    headersTimeout: timeouts.headers,
    // How often Node looks for what is too slow: its default would add half a minute to each limit.
    connectionsCheckingInterval: Math.min(2_000, timeouts.headers),
    insecureHTTPParser: false,
    // A real input asks for no Host; and Node's own refusal would come without Content-Length.
    requireHostHeader: false,
  }
  const server =
    tls === undefined
      ? http.createServer(settings)
      : createTlsServer({
          ...settings,
          ...serverContext(tls, newTicketKeys()),
          ...clientDemands(tls.clientAuthentication),
          handshakeTimeout: timeouts.handshake,
        } satisfies ServerOptions)
  const sockets = new Set<Socket>()
  const answering = new Map<ServerResponse, IncomingMessage>()
  let closing: Promise<unknown> | undefined
  server.maxConnections = options.maxConnections

  function take(request: IncomingMessage, response: ServerResponse, expects: boolean): void {
    answering.set(response, request)
    if (!server.listening) response.setHeader('connection', 'close')
    response.once('close', () => {
      answering.delete(response)
      // A connection that was busy when the listener closed would go on for as long as it is used.
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
    hit('maxConnections', { maxConnections: server.maxConnections })
  })
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      metrics.refusedConnections.inc({ why: 'time' })
      hit('requestTime')
    } else {
      metrics.refusedConnections.inc({ why: 'http' })
      log.debug({ err: error }, 'A connection was ended: what came was no HTTP request')
    }
    // It would be read as the answer to the request before, which is still being worked on.
    const overtakes = [...answering.values()].some(
      (request) => request.socket === socket && request.complete,
    )
    if (overtakes) socket.destroy()
    else answerClientError(error.code, socket as Socket)
  })
  if (tls !== undefined) {
    server.on('tlsClientError', (error: Error & { code?: string }) => {
      if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') hit('handshakeTime')
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
    stopAccepting,
    async retire() {
      const timer = setTimeout(destroy, timeouts.retired)
      await stopAccepting()
      clearTimeout(timer)
    },
    destroy,
  }

  async function stopAccepting(): Promise<void> {
    if (closing === undefined) {
      closing = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      for (const response of answering.keys()) {
        if (!response.headersSent) response.setHeader('connection', 'close')
      }
    }
    await closing
  }

  function destroy(): void {
    for (const socket of sockets) socket.destroy()
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
    const parameters = [`${host === '' ? '*' : host}:${port}`, 'events', messageOf(cause)]
    throw new TerminalError('LSL_LISTEN_FAILED', parameters, { cause })
  }
}

/**
 * Only what is no HTTP gets an answer. None for a request that was too slow, as a real output retries then, where a 408
 * makes it give up; and none before TLS is established, where it could never be sent and would keep the connection.
 */
function answerClientError(code: string | undefined, socket: Socket): void {
  if (!socket.writable || code?.startsWith('HPE_') !== true) {
    socket.destroy()
    return
  }
  const status =
    code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}
