/**
 * Runs pods of the cluster on this machine, and writes what comes of them into their status. The object of a pod is kept
 * until its processes have ended, so that it is seen terminating as on a real node.
 */
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { keyOf } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Log } from '../../telemetry/log.ts'
import { createRecorder } from '../events.ts'
import { isFinished, podKind, type Pod } from '../pod.ts'
import type { Addresses } from './addresses.ts'
import { identityOf, type Binding } from './binding.ts'
import type { Groups } from './process.ts'
import { openContainerLog } from './logs.ts'
import { watchObjects } from './objects.ts'
import { runPod, type PodRun } from './pod.ts'
import { podStatus } from './pod-status.ts'
import type { Programs } from './program.ts'
import { openVolumes } from './volumes.ts'

export interface Kubelet {
  /** Running processes by pod (`namespace/name`). */
  processes(): { pod: string; container: string; pid: number }[]
  /** Ends all pods, those of one rank at once, lowest first, each within its grace; resolves when no process is left. */
  stop(rank: (pod: Pod) => number): Promise<void>
}

export interface KubeletOptions {
  cluster: Cluster
  binding: Binding
  addresses: Addresses
  groups: Groups
  programs: Programs
  base: Record<string, string>
  /** The run folder: volumes below `1/`, `2/` …, output below `logs/`. */
  folder: string
  /** Gets each line that containers print. */
  screen?: (line: string) => void
  /** Seeds addresses: the same pod of two runs gets different ones. */
  seed: string
  now: () => Date
  log: Log
}

interface Slot {
  pod: Pod
  startTime: string
  run: PodRun | undefined
  ip: string | undefined
  /** Work on this pod, one thing after the other. */
  turn: Promise<void>
  ending: boolean
  /** A status write is queued, and will see all that happens until it runs. */
  reporting: boolean
}

export function startKubelet(options: KubeletOptions): Kubelet {
  const { cluster, binding, addresses, groups, folder, screen, now, log } = options
  const slots = new Map<string, Slot>()
  const record = createRecorder(cluster, log, 'kubelet', now)
  let count = 0
  let stopped = false

  const objects = watchObjects(cluster, (namespace) => {
    for (const slot of slots.values()) {
      if ((slot.pod.metadata.namespace ?? 'default') === namespace) refresh(slot)
    }
  })
  const pods = cluster.watch(podKind, {}, ({ type, object }) => {
    const pod = object as Pod
    if (!binding.isOurs(pod)) return
    const uid = pod.metadata.uid ?? ''
    const slot = slots.get(uid)
    if (type === 'DELETED') {
      if (slot) end(slot)
    } else if (slot === undefined) {
      if (pod.metadata.deletionTimestamp === undefined && !stopped) begin(pod, uid)
    } else {
      const changed = slot.pod.metadata.annotations !== pod.metadata.annotations
      slot.pod = pod
      if (pod.metadata.deletionTimestamp !== undefined) end(slot)
      else if (changed) refresh(slot)
    }
  })

  function begin(pod: Pod, uid: string): void {
    const slot: Slot = {
      pod,
      startTime: now().toISOString(),
      run: undefined,
      ip: undefined,
      turn: Promise.resolve(),
      ending: false,
      reporting: false,
    }
    slots.set(uid, slot)
    if (isFinished(pod)) return
    count += 1
    const own = join(folder, String(count))
    enqueue(slot, 'start', () => start(slot, own))
  }

  async function start(slot: Slot, own: string): Promise<void> {
    await objects.synced
    if (slot.ending) return
    const { pod } = slot
    const key = keyOf(pod)
    const address = await addresses.claim(`${options.seed} ${key}`)
    slot.ip = address.ip
    await binding.keep(pod)
    const volumes = await openVolumes({
      pod,
      folder: own,
      claims: join(folder, 'claims'),
      address: address.ip,
      now,
    })
    slot.run = runPod(pod, {
      address,
      volumes,
      objects: objects.in(pod.metadata.namespace ?? 'default'),
      programs: options.programs,
      groups,
      base: options.base,
      openLog: (container) =>
        openContainerLog(
          join(folder, 'logs', `${key.replace('/', '_')}_${container}.log`),
          `${pod.metadata.name} ${container} |`,
          screen,
        ),
      now,
      changed: () => report(slot),
      event: (type, reason, message) => record(slot.pod, type, reason, message),
      log,
    })
    report(slot)
  }

  function refresh(slot: Slot): void {
    const { run } = slot
    if (run && !slot.ending) enqueue(slot, 'refresh', () => run.refresh(slot.pod))
  }

  /** The pod as the cluster has it; undefined where it, or this one of its name, is gone. */
  async function standing({ metadata: { name, namespace, uid } }: Pod): Promise<Pod | undefined> {
    const where = namespace === undefined ? {} : { namespace }
    const live = await cluster.get<Pod>({ ...podKind, name, ...where })
    return live?.metadata.uid === uid ? live : undefined
  }

  function report(slot: Slot): void {
    if (slot.reporting) return
    slot.reporting = true
    enqueue(slot, 'report', async () => {
      slot.reporting = false
      if (!slots.has(slot.pod.metadata.uid ?? '')) return
      const live = await standing(slot.pod)
      if (live === undefined) return
      const status = podStatus({
        pod: slot.pod,
        ip: slot.ip,
        snapshots: slot.run?.snapshots() ?? new Map(),
        startTime: slot.startTime,
        previous: live.status?.conditions ?? [],
        now: now().toISOString(),
      })
      await cluster.applyStatus({ ...podKind, metadata: identityOf(slot.pod), status })
    })
  }

  function end(slot: Slot): void {
    if (slot.ending) return
    slot.ending = true
    const { pod } = slot
    // The grace runs beside the queue of work, as statuses are still reported while the pod ends.
    const stopping = slot.turn.then(async () => {
      await slot.run?.stop((pod.spec.terminationGracePeriodSeconds ?? 30) * 1000)
    })
    const ended = stopping
      .then(async () => {
        await slot.turn
        slots.delete(pod.metadata.uid ?? '')
        await slot.run?.address.release()
        await binding.release(pod)
      })
      .catch((error: unknown) => {
        log.error({ pod: keyOf(slot.pod), error: messageOf(error) }, 'cannot end a pod in order')
      })
    endings.add(ended)
    void ended.finally(() => endings.delete(ended))
  }

  const endings = new Set<Promise<void>>()

  function enqueue(slot: Slot, what: string, work: () => Promise<void>): void {
    slot.turn = slot.turn.then(work).catch((error: unknown) => {
      log.error({ pod: keyOf(slot.pod), what, error: messageOf(error) }, 'cannot run a pod')
      record(slot.pod, 'Warning', 'Failed', messageOf(error))
    })
  }

  return {
    processes: () =>
      [...slots.values()].flatMap(({ pod, run }) =>
        (run?.processes() ?? []).map((each) => ({ pod: keyOf(pod), ...each })),
      ),
    async stop(rank) {
      stopped = true
      const ranks = [...new Set([...slots.values()].map(({ pod }) => rank(pod)))].toSorted(
        (a, b) => a - b,
      )
      for (const current of ranks) {
        for (const slot of slots.values()) if (rank(slot.pod) === current) end(slot)
        await Promise.all(endings)
      }
      pods.stop()
      objects.stop()
    },
  }
}
