/**
 * Tells the kubelet of a pod to look at what it mounts: it does so at once when an annotation of the pod changes, else
 * only every minute or so. Twice, since the annotation can overtake the ConfigMap or Secret on its way to the kubelet.
 */
import { annotations } from '../api/names.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Log } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import { kinds } from './kinds.ts'
import { readLinkKey } from './link-key.ts'
import type { Rate } from './token-bucket.ts'
import { createWorkQueue } from './work-queue.ts'

export interface NudgerOptions {
  cluster: Cluster
  clock: Clock
  log: Log
  random: () => number
  /** Nudges of all pods together. */
  rate?: Rate
  /** Called for each annotation that was written. */
  count: () => void
}

export interface Nudger {
  nudge(pod: { namespace: string; name: string; uid: string }): void
  /** Resolves when no nudge is being written. */
  stop(): Promise<void>
}

const firstAfter = 1000
const againAfter = 5000
const times = 2

export function createNudger(options: NudgerOptions): Nudger {
  const { cluster, clock, log, random, rate = { perSecond: 50, burst: 100 }, count } = options
  /** How often each pod is still to be nudged. */
  const left = new Map<string, { times: number; uid: string }>()

  const nudgeOnce = async (pod: string) => {
    const before = left.get(pod)
    if (before === undefined) return {}
    await annotate(pod, before.uid)
    // A change that came while this one was written starts anew.
    if (left.get(pod) !== before) return { againAfterMs: firstAfter }
    if (before.times > 1) {
      left.set(pod, { ...before, times: before.times - 1 })
      return { againAfterMs: againAfter }
    }
    left.delete(pod)
    queue.forget(pod)
    return {}
  }

  /** With the uid, so that a pod that is gone is not made again. */
  const annotate = async (pod: string, uid: string) => {
    const time = new Date(clock.now()).toISOString()
    const { namespace, name } = readLinkKey(pod)
    try {
      await cluster.apply({
        ...kinds.pod,
        metadata: { namespace, name, uid, annotations: { [annotations.nudged]: time } },
      })
      count()
    } catch (error) {
      if (!(error instanceof ClusterError) || error.reason === 'Unavailable') throw error
      // The pod went meanwhile, or may not be written to: then its kubelet looks in its own time.
      log.debug({ pod, reason: error.reason }, 'A pod could not be told of a change')
    }
  }

  const queue = createWorkQueue({
    clock,
    random,
    rate,
    concurrency: 4,
    work: nudgeOnce,
    onFailure: (pod, error) => log.warn({ pod, err: error }, 'A pod could not be told of a change'),
  })

  return {
    nudge({ namespace, name, uid }) {
      const pod = `${namespace}/${name}`
      left.set(pod, { times, uid })
      queue.addAfter(pod, firstAfter)
    },
    stop: () => queue.stop(),
  }
}
