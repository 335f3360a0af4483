/** The receiver: takes batches by the protocol of the logstash input and hands them to the application. */
import type { ReceiverSettings } from '../../api/sidecar-config.ts'
import type { Checks } from '../../telemetry/health.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Registry } from '../../telemetry/metrics.ts'
import { followDeadLetters } from '../dead-letter/follow-dead-letters.ts'
import type { Watched } from '../files/watched.ts'
import { createLimitHits } from '../limit-hits.ts'
import { systemTime } from '../time.ts'
import type { Environment } from '../tls/secret.ts'
import { createBudget } from './budget.ts'
import { openCredentials } from './credentials.ts'
import { describeTarget, openDeliverer } from './deliver/open.ts'
import { createDelivery } from './delivery.ts'
import { openDoor, type Door } from './door.ts'
import { follow } from '../files/followed.ts'
import { createIntake, type Intake } from './intake.ts'
import { listenerTimeouts, type ListenerTimeouts } from './listener.ts'
import { createReceiverMetrics, type ReceiverLimit } from './metrics.ts'
import { receiverChecks } from './readiness.ts'

export interface ReceiverDependencies {
  log: Log
  registry: Registry
  env: Environment
  now?: () => Date
  /** File descriptor for `deliver: stdout`. */
  stdout?: number
  /** How long stop() waits for what is under way, in milliseconds. */
  grace?: number
  /** How long nothing of a body may come before its connection is closed, in milliseconds. */
  bodyStall?: number
  timeouts?: Partial<ListenerTimeouts>
}

export interface Receiver {
  /** The port it listens on; the setting until there is an identity to listen with. */
  readonly port: number
  checks: Checks
  /** For /status; holds no event content. */
  status(): object
  /** Takes no more, finishes what is under way within the grace; `undelivered` events are still with their senders. */
  stop(): Promise<{ undelivered: number }>
}

/** How long a request larger than the budget waits to be alone. */
const patienceToBeAlone = 5000

/** Throws LSL_LISTEN_FAILED. Without an identity it starts too, and listens once there is one. */
export async function startReceiver(
  settings: Watched<ReceiverSettings>,
  dependencies: ReceiverDependencies,
): Promise<Receiver> {
  const { log, registry, env, now = () => new Date(), stdout = 1, grace = 25_000 } = dependencies
  const { bodyStall = 10_000, timeouts } = dependencies
  const time = { ...systemTime, date: now }
  const started = now()
  const budget = createBudget(settings.current.limits.memory, patienceToBeAlone, systemTime)
  // The gauges look at what is made after them.
  const seen: { door?: Door; intake?: Intake } = {}
  const metrics = createReceiverMetrics(registry, {
    connections: () => seen.door?.connections ?? 0,
    budgetBytes: () => budget.used,
    undelivered: () => seen.intake?.undelivered ?? 0,
    certificateExpiry: () => seen.door?.identity?.notAfter,
    tlsFileProblem: () => seen.door?.tlsProblem !== undefined,
  })
  const hit = createLimitHits<ReceiverLimit>({
    count: (limit) => metrics.limits.inc({ limit }),
    log,
    time,
  })
  const onError = (error: unknown): void =>
    log.error({ err: error }, 'Changed settings cannot be taken up')

  const deadLetters = await followDeadLetters(settings, {
    now,
    log,
    onDropped: (count) => metrics.deadLettersDropped.inc(count),
  })
  const credentials = await follow(
    settings,
    ({ auth }) => auth ?? null,
    async (part) =>
      part === null ? undefined : openCredentials(part, { env, log, now: () => performance.now() }),
    (replaced) => replaced?.close(),
    onError,
  )
  const delivery = await follow(
    settings,
    ({ deliver }) => deliver,
    (target) => {
      const deliverer = openDeliverer(target, stdout)
      const made = createDelivery({
        target: describeTarget(target),
        deliverer,
        deadLetters: () => deadLetters.current,
        maxLine: () => settings.current.limits.maxLine,
        metrics,
        log,
        time,
      })
      return { deliverer, made }
    },
    ({ deliverer }) => {
      // Not waited for: it ends after its last batch, and a target that hangs must not hold up its successor.
      deliverer
        .close()
        .catch((error: unknown) => log.debug({ err: error }, 'A target did not close'))
    },
    onError,
  )
  const intake = createIntake({
    limits: () => settings.current.limits,
    credentials: () => credentials.current,
    delivery: () => delivery.current.made,
    budget,
    metrics,
    hit,
    log,
    time,
    stall: bodyStall,
  })
  seen.intake = intake
  const stopListening = settings.onChange(({ limits }) => {
    budget.limit = limits.memory
  })
  async function close(): Promise<void> {
    stopListening()
    await Promise.all([delivery.close(), credentials.close(), deadLetters.close()])
  }
  const door = await openDoor(settings, {
    env,
    log,
    metrics,
    handle: intake.handle,
    hit,
    timeouts: { ...listenerTimeouts, ...timeouts },
  }).catch(async (error: unknown) => {
    await close()
    throw error
  })
  seen.door = door

  return {
    get port() {
      return door.port
    },
    checks: receiverChecks(door, settings),
    status: () => ({
      program: 'receiver',
      link: settings.current.link,
      state: door.listening ? 'listening' : 'not listening',
      problem: door.problem ?? credentials.current?.problem,
      started: started.toISOString(),
      port: door.port,
      connections: door.connections,
      identity: door.identity && {
        fingerprint: door.identity.fingerprint,
        notAfter: door.identity.notAfter.toISOString(),
        subjectAltName: door.identity.subjectAltName,
      },
      delivery: { ...delivery.current.made.status, undelivered: intake.undelivered },
      budget: { used: budget.used, limit: budget.limit },
      deadLetters: deadLetters.current?.status(),
      totals: intake.totals(),
    }),
    async stop() {
      const deadline = performance.now() + grace
      intake.stop()
      const gone = door.stopAccepting()
      await until(deadline, intake.idle())
      const { undelivered } = intake
      if (undelivered === 0) await until(Math.min(deadline, performance.now() + 1000), gone)
      await door.close()
      await until(Math.max(deadline, performance.now() + 500), close())
      return { undelivered }
    },
  }
}

/** Resolves with the work or at the deadline, whatever comes first. */
async function until(deadline: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - performance.now()))
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
