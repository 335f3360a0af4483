/**
 * `rollout: Automatic`: restarts the workloads of pods that lack what a link wants of them. Reads and writes here, what to
 * do is said by src/rollout. The restart is one annotation of the pod template, applied with the uid that was seen.
 */
import { injectionHash } from '../api/injection.ts'
import type { LogstashLink } from '../api/link.ts'
import { annotations } from '../api/names.ts'
import { keyOf } from '../api/objects.ts'
import type { Observed, ObservedPod } from '../api/observed.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { restartableKinds } from '../api/workload.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import { holdOf, needsRestarts } from '../rollout/hold.ts'
import { lackingRoles } from '../rollout/lacking.ts'
import { nextRestarts, type Workload } from '../rollout/next-restarts.ts'
import { wantsText } from '../rollout/wants.ts'
import type { Log } from '../telemetry/log.ts'
import { checkAccepted } from '../verdict/accepted.ts'
import type { AcceptedContext } from '../verdict/accepted.ts'
import type { LinkEvent } from '../verdict/events.ts'
import { identityReady } from '../verdict/identity-ready.ts'
import type { Clock } from './clock.ts'
import { kinds } from './kinds.ts'
import { createRolloutMemory } from './rollout-memory.ts'
import { createWorkloadReader, describeWorkload, workloadKey } from './rollout-workloads.ts'
import { createTokenBucket } from './token-bucket.ts'
import type { Rate } from './token-bucket.ts'

export interface RestarterOptions {
  cluster: Cluster
  clock: Clock
  log: Log
  options: OperatorOptions
  /** Called for each restart. */
  count: () => void
  /** Restarts of all links together. */
  rate?: Rate
}

export interface Looked {
  /** Sentences for the conditions of the roles whose pods lack something. */
  findings: string[]
  events: LinkEvent[]
  againAfterMs?: number
}

export interface Restarter {
  /** At most one restart. What the cluster refuses is a finding; never rejects for it. */
  look(observed: Observed, context: AcceptedContext): Promise<Looked>
  forget(link: string): void
}

/** Three at once, then one every ten seconds: each makes pods, pulls images and moves load. */
const defaultRate: Rate = { perSecond: 0.1, burst: 3 }
const refusedMs = 30_000

export function createRestarter(given: RestarterOptions): Restarter {
  const { cluster, clock, log, options, count } = given
  const bucket = createTokenBucket(given.rate ?? defaultRate)
  const reader = createWorkloadReader(cluster)
  const memory = createRolloutMemory()
  let turn: Promise<unknown> = Promise.resolve()

  const readWorkload = async (name: string, pods: readonly ObservedPod[], link: LogstashLink) => {
    const object = await reader.read(name, pods)
    if (object === undefined) return undefined
    const { namespace = '' } = link.metadata
    const links = await cluster.list<LogstashLink>(kinds.link, { namespace })
    return describeWorkload(object, { name, link, links, options })
  }

  const readWorkloads = async ({ link, pods }: Observed): Promise<Workload[]> => {
    const key = keyOf(link)
    const wanted = hashesOf(link)
    const found: Workload[] = []
    for (const [name, its] of podsByWorkload(pods)) {
      const lacks = its.some((pod) => lackingRoles(link, pod).length > 0)
      if (!lacks && memory.isSettled(key, name, wanted)) continue
      const workload = await readWorkload(name, its, link)
      if (workload === undefined) continue
      const lackingForMs = lacks
        ? clock.now() - memory.lackingSince(key, name, wanted, clock.now())
        : 0
      if (!lacks && workload.progress.state === 'through') memory.settle(key, name, wanted)
      found.push({ ...workload, lackingForMs })
    }
    return found
  }

  /** One after the other: two links may want the same workload restarted, and once is enough for both. */
  const restart = (observed: Observed, seen: Workload) => {
    const attempt = turn.then(() => restartNow(observed, seen))
    turn = attempt.catch(() => undefined)
    return attempt
  }

  const restartNow = async ({ link, pods }: Observed, seen: Workload): Promise<boolean> => {
    const { name, uid } = seen
    const its = podsByWorkload(pods).find(([of]) => of === name)?.[1] ?? []
    const now = await readWorkload(name, its, link)
    // By the hand of another link, or of a person, it is being made anew already.
    const isAsSeen =
      now?.uid === uid &&
      now.progress.state === 'through' &&
      wantsText(now.restartedFor) === wantsText(seen.restartedFor)
    if (!isAsSeen || !bucket.take(clock.now())) return false
    const value = wantsText(now.wants)
    const { apiVersion, kind, ...key } = workloadKey(name, link.metadata.namespace ?? '')
    await cluster.apply({
      apiVersion,
      kind,
      metadata: { ...key, uid },
      spec: { template: { metadata: { annotations: { [annotations.restartedFor]: value } } } },
    })
    count()
    log.info({ link: keyOf(link), workload: name, for: value }, 'A workload was restarted')
    return true
  }

  const lookNow = async (observed: Observed): Promise<Looked> => {
    const { link, pods } = observed
    const workloads = await readWorkloads(observed)
    const freeAt = bucket.readyAt(clock.now())
    const mayRestart = freeAt <= clock.now()
    const rollout = nextRestarts({ link, pods, workloads, mayRestart })
    const next = workloads.find(({ name }) => name === rollout.restart)
    const isDone = next !== undefined && (await restart(observed, next))
    const { requeueAfterMs = refusedMs } = rollout
    const failed = memory.newlyFailed(keyOf(link), rollout.failed)
    return {
      findings: rollout.findings,
      events: [...(isDone ? [restarted(next.name)] : []), ...failed.map(restartFailed)],
      againAfterMs: mayRestart ? requeueAfterMs : Math.min(requeueAfterMs, freeAt - clock.now()),
    }
  }

  return {
    async look(observed, context) {
      const { link, pods } = observed
      if (!needsRestarts(link, pods)) {
        memory.nothingLacks(keyOf(link))
        return { findings: [], events: [] }
      }
      const hold = holdOf(link, {
        accepted: checkAccepted(observed, context).status === 'True',
        identityReady: identityReady(observed).status === 'True',
        covered: observed.webhook === undefined,
      })
      if (hold !== undefined) {
        memory.nothingLacks(keyOf(link))
        return { findings: [hold], events: [] }
      }
      try {
        return await lookNow(observed)
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error
        log.warn(
          { link: keyOf(link), reason: error.reason, err: error },
          'No workload is restarted',
        )
        const finding = `Nothing is restarted: the cluster answers ${error.reason}.`
        return { findings: [finding], events: [], againAfterMs: refusedMs }
      }
    },
    forget: (link) => memory.forget(link),
  }
}

/** Those that could be restarted at all, in the order of their names. */
function podsByWorkload(pods: readonly ObservedPod[]): [string, ObservedPod[]][] {
  const counting = pods.filter(({ finished, roles }) => !finished && roles.length > 0)
  return [...Map.groupBy(counting, ({ workload }) => workload ?? '')]
    .filter(([name]) => restartableKinds.includes(name.slice(0, name.indexOf('/'))))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function hashesOf(link: LogstashLink): string {
  return `${injectionHash(link, 'receiver')} ${injectionHash(link, 'sender')}`
}

function restarted(workload: string): LinkEvent {
  const message = `${workload} was restarted, so that its pods get the sidecars that they lack.`
  return { type: 'Normal', reason: 'Restarted', message }
}

function restartFailed(workload: string): LinkEvent {
  const message = `The restart of ${workload} failed; no other workload is restarted until it is mended.`
  return { type: 'Warning', reason: 'RestartFailed', message }
}
