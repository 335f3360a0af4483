/**
 * One request and what became of it, within the time limits.
 *
 *   dial ──connected──▶ handshake ──secured──▶ open ──headers──▶ answered ──end, or 1 s──▶ reply
 *    └────────── 3 s ───────────┘               └──── 10 s ────┘
 *
 * An answer's status counts as soon as it is there: what happens to the rest of the answer changes nothing.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Milliseconds. */
export interface ExchangeLimits {
  /** Connection with its TLS handshake. */
  connect: number
  /** From then on to the head of the answer. */
  response: number
}

export type Reply =
  | { kind: 'answer'; status: number; retryAfter: string | undefined }
  /** `unreachable`: no connection came about. `reset`: it ended without an answer; `reused` tells a kept one. */
  | { kind: 'failure'; cause: FailureCause; message: string; reused: boolean }

type FailureCause = 'unreachable' | 'tls' | 'timeout' | 'reset' | 'garbage'

const restLimit = 1_000
const restBytes = 64 * 1024

type Phase = 'dial' | 'handshake' | 'open'

export function exchange(
  request: ClientRequest,
  body: Buffer,
  { secure, timeouts }: { secure: boolean; timeouts: ExchangeLimits },
): Promise<Reply> {
  return new Promise((resolve) => {
    let phase: Phase = 'dial'
    let reply: Reply | undefined
    let reused = false
    let timer: NodeJS.Timeout | undefined

    function limit(ms: number, message: string): void {
      clearTimeout(timer)
      timer = setTimeout(() => {
        reply ??= { kind: 'failure', cause: 'timeout', message, reused }
        request.destroy()
        done()
      }, ms)
    }

    function done(): void {
      clearTimeout(timer)
      if (reply) resolve(reply)
    }

    function open(): void {
      phase = 'open'
      limit(timeouts.response, `no answer within ${timeouts.response / 1000} s`)
    }

    request.once('socket', (socket: Socket) => {
      reused = request.reusedSocket
      if (reused) return open()
      limit(timeouts.connect, `no connection within ${timeouts.connect / 1000} s`)
      socket.once('connect', () => {
        phase = 'handshake'
        if (!secure) open()
      })
      if (secure) socket.once('secureConnect', open)
    })
    request.once('response', (response: IncomingMessage) => {
      reply = {
        kind: 'answer',
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
      }
      limit(restLimit, 'the answer does not end')
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > restBytes) request.destroy()
      })
      response.once('end', done)
      response.once('error', done)
      response.once('close', done)
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      reply ??= {
        kind: 'failure',
        cause: causeOf(error, phase),
        message: describe(error),
        reused,
      }
      done()
    })
    request.once('close', () => {
      reply ??= { kind: 'failure', cause: 'reset', message: 'closed without an answer', reused }
      done()
    })
    request.end(body)
  })
}

/** Codes with which a connection ends that nobody's settings are to blame for. */
const brokenConnection = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT'])

function causeOf({ code }: NodeJS.ErrnoException, phase: Phase): FailureCause {
  if (phase === 'dial') return 'unreachable'
  if (phase === 'handshake') {
    return code !== undefined && brokenConnection.has(code) ? 'unreachable' : 'tls'
  }
  if (code?.startsWith('HPE_')) return 'garbage'
  // In TLS 1.3 a refused client certificate comes as an alert after the handshake.
  if (code !== undefined && /^(?:ERR_SSL_|ERR_TLS_|EPROTO)/.test(code)) return 'tls'
  return 'reset'
}

function describe({ code, message }: NodeJS.ErrnoException): string {
  // OpenSSL's messages carry memory addresses and line numbers, which would make each one a cause of its own.
  const text = message.replace(/^[0-9A-F]{8,}:/, '').replace(/:\.\.\/deps\/.*$/s, '')
  return code === undefined || text.includes(code) ? text : `${text} (${code})`
}
