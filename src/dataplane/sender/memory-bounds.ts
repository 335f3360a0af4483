/**
 * Settings reach a running process, its container's memory limit does not: that was fixed when the pod was made, from the
 * settings of that moment. A larger queue would end in an OOM kill in the next outage, so it waits for a restart.
 */
import type { SenderSettings } from '../../api/sidecar-config.ts'

type Sizes = Pick<SenderSettings, 'queue' | 'limits'>

/** Bytes of events and requests together that the settings ask for. */
export function memoryOf({ queue, limits }: Sizes): number {
  return Math.max(limits.memory, queue.maxSize)
}

/** The queue as a process may run it that began with `memory` bytes. */
export function affordableQueue({ queue }: Sizes, memory: number): SenderSettings['queue'] {
  return { ...queue, maxSize: Math.min(queue.maxSize, memory) }
}
