/**
 * Settings reach a running process, its container's memory limit does not: that was fixed when the pod was made, from the
 * settings of that moment. A larger queue would end in an OOM kill in the next outage, so it waits for a restart. A queue on
 * disk takes no more memory when it grows.
 */
import type { SenderSettings } from '../../api/sidecar-config.ts'

type Sizes = Pick<SenderSettings, 'queue' | 'limits'>

/** Bytes of events and requests together that the settings ask for. */
export function memoryOf({ queue, limits }: Sizes): number {
  return queue.type === 'Disk' ? limits.memory : Math.max(limits.memory, queue.maxSize)
}

/** The queue as a process may run it that began with `memory` bytes. */
export function affordableQueue({ queue }: Sizes, memory: number): SenderSettings['queue'] {
  return queue.type === 'Disk' ? queue : { ...queue, maxSize: Math.min(queue.maxSize, memory) }
}
