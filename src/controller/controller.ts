/**
 * The control plane's loop: watches put keys on a queue, the queue runs reconciles, and what a reconcile saw feeds the
 * sampler (which asks sidecars) and the nudger (which tells kubelets).
 */
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import { LogstashLinkError, TerminalError } from '../errors.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import type { Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { askSidecar } from './ask-sidecar.ts'
import type { Clock } from './clock.ts'
import { followCoverage } from './coverage.ts'
import type { Coverage } from './coverage.ts'
import { readLinkKey } from './link-key.ts'
import { createControllerMetrics } from './metrics.ts'
import { createMemory } from './memory.ts'
import { createMountedTracker } from './mounted.ts'
import { createNudger } from './nudge.ts'
import { createEventRecorder } from './record-events.ts'
import { reconcile } from './reconcile.ts'
import type { ReconcileDeps } from './reconcile.ts'
import { createRestarter } from './rollout.ts'
import { createSampler } from './sampler.ts'
import type { Ask } from './sampler.ts'
import type { Rate } from './token-bucket.ts'
import { createWatches } from './watches.ts'
import { createWorkQueue } from './work-queue.ts'

export interface ControllerOptions {
  cluster: Cluster
  clock: Clock
  log: Log
  registry: Registry
  options: OperatorOptions
  /** By default every pod that is made is seen to, as where there is no webhook in between. */
  webhook?: Coverage
  /** Random bytes: for passwords, and for jitter. */
  random: (size: number) => Buffer
  /** How a sidecar is asked for its state; by default over HTTP. */
  ask?: Ask
  /** Each sidecar is asked so often. */
  sampleEveryMs?: number
  /** Each link is looked at so often though nothing is reported to have changed. */
  resyncMs?: number
  concurrency?: number
  /** Reconciles of all links together. */
  rate?: Rate
}

export interface Controller {
  /** Resolves once all that exists was seen. */
  start(): Promise<void>
  /** Starts nothing new; resolves when what runs has ended. */
  stop(): Promise<void>
  /** Resolves when no link waits to be looked at now. */
  idle(): Promise<void>
  checks: Checks
}

/** Links within this time of each other's change are looked at together. */
const soonMs = 1000
/** A reconcile that takes longer hangs. */
const longestRunMs = 2 * 60_000
const passwordBytes = 24

export function createController(given: ControllerOptions): Controller {
  const { cluster, clock, log, registry, options, random } = given
  const { ask = askSidecar, resyncMs = 10 * 60_000, concurrency = 16 } = given
  const chance = () => random(4).readUInt32BE() / 2 ** 32
  const started = new Map<string, number>()
  let synced = false

  const metrics = createControllerMetrics(registry, {
    waiting: () => queue.waiting(),
    running: () => queue.running(),
    links: () => watches.links(),
  })
  const events = createEventRecorder({ cluster, clock, log, dropped: metrics.eventDropped })
  const mounted = createMountedTracker()
  const nudger = createNudger({ cluster, clock, log, random: chance, count: metrics.nudged })
  const restarter = createRestarter({ cluster, clock, log, options, count: metrics.restarted })
  const sampler = createSampler({
    ...(given.sampleEveryMs === undefined ? {} : { intervalMs: given.sampleEveryMs }),
    ask,
    clock,
    log,
    random: chance,
    // Pods of a link are asked one after another: one look for all of them.
    changed: (link) => queue.addAfter(link, soonMs),
  })

  const watches = createWatches({
    cluster,
    clock,
    enqueue: (link) => queue.add(link),
    enqueueSoon: (link) => queue.addAfter(link, soonMs),
  })
  const coverage = followCoverage(given.webhook, watches, (link) => queue.add(link))

  const memory = createMemory()
  const deps: ReconcileDeps = {
    cluster,
    view: watches.view,
    memory,
    webhookProblem: coverage.problem,
    options,
    now: () => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
    newPassword: () => random(passwordBytes).toString('base64url'),
    samples: sampler.samples,
    events,
    restarter,
    looked(link, { observed, secretVersions }, written) {
      sampler.track(link, observed)
      const pods = mounted.changed(link, observed, { written, secretVersions })
      for (const { namespace, name, uid } of pods) {
        if (uid !== undefined) nudger.nudge({ namespace, name, uid })
      }
    },
  }

  const forget = (link: string) => {
    queue.forget(link)
    sampler.forget(link)
    mounted.forget(link)
    memory.forget(link)
    events.forget(link)
    restarter.forget(link)
  }

  const work = async (link: string) => {
    const begin = clock.now()
    started.set(link, begin)
    try {
      const result = await reconcile(readLinkKey(link), deps)
      metrics.reconciled('ok', (clock.now() - begin) / 1000)
      if (result === 'gone') {
        forget(link)
        return {}
      }
      const resync = resyncMs * (0.9 + chance() / 10)
      return { againAfterMs: Math.min(resync, result.againAfterMs ?? resync) }
    } catch (error) {
      metrics.reconciled('failed', (clock.now() - begin) / 1000)
      metrics.failed(codeOf(error))
      if (!(error instanceof TerminalError)) throw error
      // Only another spec can help, and that brings the link back.
      log.error({ link, code: error.code, err: error }, 'A link cannot be reconciled')
      return { againAfterMs: resyncMs }
    } finally {
      started.delete(link)
    }
  }

  const queue = createWorkQueue({
    clock,
    random: chance,
    concurrency,
    rate: given.rate ?? { perSecond: 400, burst: 1000 },
    work,
    onFailure: (link, error, againAt) => {
      const againInMs = againAt === undefined ? undefined : againAt - clock.now()
      log.warn({ link, code: codeOf(error), againInMs, err: error }, 'A reconcile failed')
    },
  })

  return {
    async start() {
      await watches.start()
      synced = true
      log.info({ links: watches.links() }, 'The controller watches')
    },
    async stop() {
      coverage.stop()
      watches.stop()
      await Promise.all([queue.stop(), nudger.stop(), sampler.stop()])
    },
    idle: () => queue.idle(),
    checks: {
      live: {
        reconciles: () => {
          const oldest = Math.min(...started.values())
          const hangs = clock.now() - oldest > longestRunMs
          return { ok: !hangs, message: hangs ? 'A reconcile hangs' : `${started.size} run` }
        },
      },
      ready: {
        watches: () => ({
          ok: synced,
          message: synced ? `${watches.links()} links are watched` : 'Watches are not synced',
        }),
      },
    },
  }
}

function codeOf(error: unknown): string {
  if (error instanceof LogstashLinkError) return error.code
  return error instanceof ClusterError ? error.reason : 'Unexpected'
}
