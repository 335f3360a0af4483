/** What receiver and sender share as programs: usage errors, health endpoints from the first moment, signals, exit. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LogLevel } from '../api/sidecar-config.ts'
import { type FlagTable, renderFlags } from '../config/flags.ts'
import type { Watched } from '../dataplane/files/watched.ts'
import { LogstashLinkError, messageOf } from '../errors.ts'
import { type Checks, type HealthServer, startHealthServer } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import type { Io } from './io.ts'

/** Exit code for a command line that is refused, as other Unix programs have it. */
const usageError = 2

/** Help or problems of the command line: the exit code to end with, or undefined to go on. */
export function answerUsage(
  program: string,
  args: readonly string[],
  table: FlagTable,
  problems: readonly string[],
  io: Io,
): number | undefined {
  if (args.includes('--help')) {
    io.stdout.write(`usage: logstash-link ${program} [FLAGS]\n\n${renderFlags(table)}\n`)
    return 0
  }
  if (problems.length === 0) return undefined
  io.stderr.write(`${problems.join('\n')}\nlogstash-link ${program} --help shows all flags\n`)
  return usageError
}

/** What the health endpoints tell; its parts are set as the program comes up. */
export interface Health {
  checks: Checks
  status: () => object
}

/**
 * Serves health before anything else is up: the start-up probe asks only whether the process lives. A default port that
 * is taken gives way to a free one (several programs on one machine); one that was asked for does not.
 */
export async function serveHealth(
  health: Health,
  options: {
    host: string
    port: number
    portGiven: boolean
    registry: Registry
    log: Log
  },
): Promise<HealthServer> {
  const { portGiven, ...rest } = options
  const source = {
    ...rest,
    get checks() {
      return health.checks
    },
    status: () => health.status(),
  }
  try {
    return await startHealthServer(source)
  } catch (error) {
    const taken = error instanceof LogstashLinkError && error.code === 'LSL_LISTEN_FAILED'
    if (portGiven || !taken) throw error
    const server = await startHealthServer({ ...source, port: 0 })
    options.log.warn(
      { wanted: options.port, port: server.port, reason: messageOf(error) },
      'The default health port cannot be had, another is used; --health-port chooses one',
    )
    return server
  }
}

/** Holds the log to the level of the settings, now and whenever they change. */
export function followLevel(
  log: { setLevel(level: LogLevel): void },
  settings: Watched<{ logLevel: LogLevel }>,
): void {
  log.setLevel(settings.current.logLevel)
  settings.onChange(({ logLevel }) => log.setLevel(logLevel))
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the program at once. */
export function firstSignal(log: Log): { came: Promise<NodeJS.Signals>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let first = true
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first) {
      first = false
      resolve(signal)
    } else {
      log.warn({ signal }, 'A second signal: ending at once')
      process.exit(1)
    }
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return {
    came: promise,
    forget: () => {
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
    },
  }
}

/** Time that a program has to finish after SIGTERM: below the 30 s that Kubernetes gives by default. */
export const graceMs = 25_000

/** Resolves with undefined when the time is over first. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController()
  try {
    return await Promise.race([work, delay(ms, undefined, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
