/** What receiver and sender share as programs: usage, health endpoints from the first moment, signals, the end. */
import type { Role } from '../api/names.ts'
import type { LogLevel } from '../api/sidecar-config.ts'
import type { Command } from '../config/command.ts'
import type { FlagTable } from '../config/flags.ts'
import { parseSidecarFile } from '../config/sidecar-file.ts'
import type { Watched } from '../dataplane/files/watched.ts'
import { LogstashLinkError, messageOf } from '../errors.ts'
import {
  type Check,
  type Checks,
  type HealthServer,
  startHealthServer,
} from '../telemetry/health.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics, type Registry } from '../telemetry/metrics.ts'
import { endingSignals } from './ending-signals.ts'
import type { Io } from './io.ts'
import { openSettings } from './settings.ts'
import { startSidecar } from './start-sidecar.ts'
import { answerUsage } from './usage.ts'

interface Running {
  checks: Checks
  status(): object
  /** Names of ready checks that fail as long as the files of TLS and credentials cannot be used. */
  needs: readonly string[]
  /** Resolves when there is nothing more to do; a program that only waits for signals has none. */
  done?: Promise<void>
  /** Finishes what is under way within the grace; what is left are events. */
  stop(): Promise<{ remaining: number }>
}

interface Shared {
  log: Log
  registry: Registry
  env: Io['env']
  /** Time that stop() has, ms. */
  grace: number
}

interface Sidecar<File, Settings extends { logLevel: LogLevel }> {
  program: Role
  flags: FlagTable
  command: Command<File, Settings>
  parse: Parameters<typeof parseSidecarFile<File>>[2]
  start(settings: Watched<Settings>, shared: Shared): Promise<Running>
  /** What is said of events that remain. */
  whatRemains: string
}

/** Exit code 0 when nothing remains, 1 when something does (the log says how many), 2 for a command line that is refused. */
export async function runSidecar<File, Settings extends { logLevel: LogLevel }>(
  args: readonly string[],
  io: Io,
  sidecar: Sidecar<File, Settings>,
): Promise<number> {
  const { program, command } = sidecar
  const { source, placement, grace } = command
  const answered = answerUsage(program, args, sidecar.flags, command.problems, io)
  if (answered !== undefined) return answered

  const level = source.from === 'flags' ? source.settings.logLevel : 'Info'
  const log = createLog({ program, level })
  const signals = endingSignals()
  signals.onSecond(() => log.warn('A second signal: ending at once'))
  const parse = (text: string, path: string): File => parseSidecarFile(text, path, sidecar.parse)
  const settings = openSettings(source, parse, log)
  const health: Health = {
    // Ready means that its ports listen, which no program does before it has started.
    checks: { live: {}, ready: { settings: settings.check, started: notStarted } },
    status: () => ({ program, state: 'waiting for settings' }),
    registry: createMetrics({ program }),
  }
  const server = await serveHealth(health, {
    host: placement.host,
    port: placement.healthPort,
    portGiven: command.healthPortGiven,
    log,
  })
  try {
    const current = await Promise.race([settings.ready, signals.first])
    if (typeof current === 'string') return 0
    followLevel(log, current)
    const start = (): Promise<Running> => {
      // Anew for each attempt: one that failed has left its metrics in there.
      health.registry = createMetrics({ program })
      const { registry } = health
      return sidecar.start(current, { log, registry, env: io.env, grace })
    }
    const onFailed = (message: string): void => {
      const started: Check = () => ({ ok: false, message })
      health.checks = { live: {}, ready: { settings: settings.check, started } }
      health.status = () => ({ program, state: 'cannot start yet', problem: message })
    }
    const running =
      source.from === 'flags'
        ? await start()
        : await startSidecar({ start, onFailed, ended: signals.first, log })
    if (running === undefined) return 0
    const { live, ready } = running.checks
    health.checks = { live, ready: { settings: settings.check, ...ready } }
    health.status = () => running.status()
    const unusable = source.from === 'flags' ? firstFailure(running) : undefined
    if (unusable !== undefined) {
      // A sidecar waits for files that are still on their way; files that a person names are there, or were never meant.
      await running.stop()
      log.error({ reason: unusable }, 'Ended: what the flags name cannot be used')
      return 1
    }
    const done = running.done?.then(() => 'nothing more to do' as const)
    const why = await Promise.race([signals.first, ...(done === undefined ? [] : [done])])
    log.info({ why }, 'Stopping: nothing new is taken, what is under way is finished')
    const { remaining } = await running.stop()
    if (remaining > 0) log.error({ remaining }, sidecar.whatRemains)
    else log.info('Nothing remains')
    return remaining > 0 ? 1 : 0
  } finally {
    settings.close()
    await server.close()
    signals.forget()
  }
}

function firstFailure({ checks, needs }: Running): string | undefined {
  return needs.map((name) => checks.ready[name]?.()).find((result) => result?.ok === false)?.message
}

const notStarted: Check = () => ({ ok: false, message: 'Starting: nothing listens yet' })

/** What the health endpoints tell; its parts are set as the program comes up. */
interface Health {
  checks: Checks
  status: () => object
  registry: Registry
}

/**
 * Serves health before anything else is up: the start-up probe asks only whether the process lives. A default port that
 * is taken gives way to a free one (several programs on one machine); one that was asked for does not.
 */
async function serveHealth(
  health: Health,
  options: {
    host: string
    port: number
    portGiven: boolean
    log: Log
  },
): Promise<HealthServer> {
  const { portGiven, ...rest } = options
  // A copy would show for ever what was there when it was made.
  const listen = (port: number): Promise<HealthServer> =>
    startHealthServer({
      ...rest,
      port,
      get checks() {
        return health.checks
      },
      get registry() {
        return health.registry
      },
      status: () => health.status(),
    })
  try {
    return await listen(options.port)
  } catch (error) {
    const taken = error instanceof LogstashLinkError && error.code === 'LSL_LISTEN_FAILED'
    if (portGiven || !taken) throw error
    const server = await listen(0)
    options.log.warn(
      { wanted: options.port, port: server.port, reason: messageOf(error) },
      'The default health port cannot be had, another is used; --health-port chooses one',
    )
    return server
  }
}

/** Holds the log to the level of the settings, now and whenever they change. */
function followLevel(
  log: { setLevel(level: LogLevel): void },
  settings: Watched<{ logLevel: LogLevel }>,
): void {
  log.setLevel(settings.current.logLevel)
  settings.onChange(({ logLevel }) => log.setLevel(logLevel))
}
