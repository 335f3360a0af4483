/** The real queue of one life of a sender: in memory, or on a simulated disk that outlives it. */
import { openDiskQueue } from '../../src/dataplane/queue/disk/disk-queue.ts'
import { createMemoryQueue } from '../../src/dataplane/queue/memory-queue.ts'
import type { Queue, QueueListener, QueueSettings } from '../../src/dataplane/queue/queue.ts'
import type { Ticket } from '../../src/dataplane/sender/intake.ts'
import type { Log } from '../../src/telemetry/log.ts'
import type { Disk } from '../../src/dataplane/disk/disk.ts'
import { createCrashingDisk, type CrashingDisk } from '../support/crashing-disk.ts'
import type { Clock, Life } from './clock.ts'
import type { Random } from './random.ts'

export interface QueuePlan extends QueueSettings {
  type: 'Memory' | 'Disk'
  /** Bytes that a queue on disk reads ahead. */
  window: number
}

export interface OpenQueue {
  queue: Queue<Ticket>
  senderId: string
  close(): Promise<void>
}

const directory = '/queue'

export function simulatedDisk(clock: Clock, random: Random): CrashingDisk {
  return createCrashingDisk({
    random: random.float,
    latency: (call) =>
      call === 'sync' || call === 'syncFolder'
        ? new Promise((resolve) => clock.after(random.between(0.2, 8), resolve))
        : Promise.resolve(),
  })
}

/** Rejects when the disk does not even let itself be looked at. */
export async function openQueue(
  plan: QueuePlan,
  deps: {
    life: Life
    disk: Disk
    newId: () => string
    listener: QueueListener<Ticket>
    log: Log
  },
): Promise<OpenQueue> {
  const { life, disk, newId, listener, log } = deps
  if (plan.type === 'Memory') {
    return {
      queue: createMemoryQueue<Ticket>(plan),
      senderId: newId(),
      close: () => Promise.resolve(),
    }
  }
  const queue = await openDiskQueue<Ticket>({
    directory,
    disk,
    time: life.time,
    log,
    settings: plan,
    newId,
    listener: {
      settled: (settled) => life.isAlive() && listener.settled(settled),
      changed: () => life.isAlive() && listener.changed(),
    },
    window: plan.window,
  })
  return { queue, senderId: queue.senderId, close: () => queue.close() }
}
