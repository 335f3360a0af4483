/** A real HTTPS server with the TLS of a receiver, and a client with the TLS of a sender. */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import {
  keepServerTls,
  serverTlsOptions,
  type ServerTls,
} from '../../src/dataplane/tls/server-context.ts'
import { silentLog } from './log.ts'

export interface TlsServer {
  port: number
  /** What was refused, in the order of time. */
  refused: string[]
  /** Names that clients asked for by SNI; false where they asked for none. */
  asked: (string | false | null)[]
  /** Requests that got through to the server's handler. */
  served: () => number
}

/** Answers each request with `hello`. */
export async function tlsServer(t: TestContext, tls: ServerTls): Promise<TlsServer> {
  const refused: string[] = []
  const asked: TlsServer['asked'] = []
  let served = 0
  const server = createServer(serverTlsOptions(tls), (_request, response) => {
    served += 1
    response.end('hello')
  })
  server.on(
    'secureConnection',
    ({ servername }: TLSSocket & { servername: string | false | null }) => asked.push(servername),
  )
  const onRefused = (reason: string): void => void refused.push(reason)
  const kept = keepServerTls(server, tls, { log: silentLog(), onRefused })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    kept.close()
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, refused, asked, served: () => served }
}

export interface Visit {
  /** `hello`, or why there was no answer. */
  outcome: string
  /** SHA-256 of the leaf that the server showed. */
  leaf: string
  resumed: boolean
  /** For a later visit that resumes this one. */
  session: Buffer | undefined
}

/** One connection with one request. */
export async function visit(port: number, options: ConnectionOptions): Promise<Visit> {
  const socket = connect({ port, host: '127.0.0.1', ...options })
  const seen: Visit = { outcome: '', leaf: '', resumed: false, session: undefined }
  let answer = ''
  socket.setEncoding('utf8')
  socket.on('session', (session) => (seen.session = session))
  socket.on('data', (text: string) => (answer += text))
  socket.on(
    'error',
    (error: NodeJS.ErrnoException) => (seen.outcome ||= error.code ?? error.message),
  )
  socket.on('secureConnect', () => {
    seen.leaf = socket.getPeerCertificate().fingerprint256
    seen.resumed = socket.isSessionReused()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  })
  await new Promise((resolve) => socket.once('close', resolve))
  seen.outcome ||= answer.endsWith('hello') ? 'hello' : 'closed'
  return seen
}
