/** The door of a receiver behind which each request is answered `hello`, and a client with the TLS of a sender. */
import type { TestContext } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { Registry } from 'prom-client'
import type { ReceiverFile } from '../../src/api/sidecar-config.ts'
import { changeable } from '../../src/dataplane/files/watched.ts'
import { openDoor, type Door } from '../../src/dataplane/receiver/door.ts'
import { createReceiverMetrics } from '../../src/dataplane/receiver/metrics.ts'
import { capturedLog } from './log.ts'
import { receiverSettings } from './receiver.ts'
import { password } from './tls-files.ts'

export type TlsOn = Extract<ReceiverFile['tls'], { enabled: true }>

export interface TlsServer {
  door: Door
  /** A free port; 0 until it listens for the first time. */
  readonly port: number
  /** What was refused, in the order of time. */
  refused: () => string[]
  /** Names that the clients of served requests asked for by SNI; false where they asked for none. */
  asked: (string | false | null)[]
  change(tls: ReceiverFile['tls']): void
}

const none = (): number => 0

export async function tlsServer(t: TestContext, tls: Omit<TlsOn, 'enabled'>): Promise<TlsServer> {
  const settings = changeable(receiverSettings({ tls: { enabled: true, ...tls } }))
  const { log, lines } = capturedLog()
  const asked: TlsServer['asked'] = []
  const door = await openDoor(settings, {
    env: { STORE_PASSWORD: password },
    log,
    metrics: createReceiverMetrics(new Registry(), {
      connections: none,
      budgetBytes: none,
      undelivered: none,
      certificateExpiry: () => undefined,
      tlsFileProblem: () => false,
    }),
    hit: () => undefined,
    async handle({ socket }, response) {
      asked.push((socket as TLSSocket & { servername: string | false | null }).servername)
      response.end('hello')
    },
  })
  t.after(async () => {
    const gone = door.stopAccepting()
    await door.close()
    await gone
  })
  return {
    door,
    get port() {
      return door.port
    },
    refused: () =>
      lines.flatMap(({ msg, err, problem }) => {
        if (msg === 'A client certificate is refused') return [String(problem)]
        return msg === 'A TLS handshake failed' ? [(err as { message: string }).message] : []
      }),
    asked,
    change: (changed) => settings.set({ ...settings.current, tls: changed }),
  }
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
