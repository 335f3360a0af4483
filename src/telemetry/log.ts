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

const levels = { Debug: 20, Info: 30, Warn: 40, Error: 50 } as const satisfies Record<
  LogLevel,
  number
>

/**
 * `setLevel` holds for children too, from the next line on. Lines are written synchronously, so that the last words of a program that dies are there; no worker thread and no
 * transport, which would cost memory in each sidecar.
 */
export function createLog(options: {
  program: string
  level: LogLevel
  destination?: DestinationStream
}): Log & { setLevel(level: LogLevel): void } {
  let least: number = levels[options.level]
  const destination =
    options.destination ??
    (process.stderr.isTTY
      ? readableLines(process.stderr)
      : pino.destination({ dest: 2, sync: true }))
  const log = pino(
    {
      // pino's own level is copied into children when they are made, so what is too low is held back here.
      level: 'debug',
      hooks: {
        logMethod(args, method, level) {
          if (level >= least) method.apply(this, args)
        },
      },
      base: { program: options.program },
      timestamp: stdTimeFunctions.isoTime,
      serializers: { err: errorFields },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return Object.assign(log, {
    setLevel: (level: LogLevel) => {
      least = levels[level]
    },
  })
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
