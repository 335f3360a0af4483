/** The log of every program: JSON lines on stderr, or lines for people where stderr is a terminal. */
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from '../api/sidecar-config.ts'
import { messageOf } from '../errors.ts'
import { readableLines } from './log-lines.ts'

/** What the rooms may do with a log: `log.info({host, count}, 'sentence')`. Errors go under the key `err`. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & {
  /** A log whose every line carries these fields too. */
  child(fields: Record<string, unknown>): Log
}

const levels = { Debug: 'debug', Info: 'info', Warn: 'warn', Error: 'error' } as const

/**
 * Lines are written synchronously, so that the last words of a program that dies are there; no worker thread and no
 * transport, which would cost memory in each sidecar.
 */
export function createLog(options: {
  program: string
  level: LogLevel
  destination?: DestinationStream
}): Log {
  const destination =
    options.destination ??
    (process.stderr.isTTY
      ? readableLines(process.stderr)
      : pino.destination({ dest: 2, sync: true }))
  return pino(
    {
      level: levels[options.level],
      base: { program: options.program },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: errorFields },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
}

/** Errors of TLS and HTTP carry certificates, sockets and requests along, which are no matter for a log. */
function errorFields(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: messageOf(thrown) }
  const { name, message, stack, cause } = thrown
  const code = 'code' in thrown && typeof thrown.code === 'string' ? { code: thrown.code } : {}
  return {
    name,
    ...code,
    message,
    stack,
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
  }
}
