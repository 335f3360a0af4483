/** The queue that the settings ask for: in memory, or on disk in a slot of its own, where it also looks after orphans. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import type { QueueFile } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Disk } from '../disk/disk.ts'
import { adopt } from '../queue/disk/adopt.ts'
import { openDiskQueue } from '../queue/disk/disk-queue.ts'
import { createSlotLocks, type HeldSlot } from '../queue/disk/slot-locks.ts'
import type { Holder } from '../queue/disk/slots.ts'
import type { DiskQueueObserver, DiskUsage } from '../queue/disk/types.ts'
import { createMemoryQueue } from '../queue/memory-queue.ts'
import type { Queue, QueueListener, Settled } from '../queue/queue.ts'
import type { Time } from '../time.ts'
import type { Events } from '../wire/events.ts'
import type { Ticket } from './intake.ts'

export interface OpenQueueDeps {
  settings: QueueFile
  disk: Disk
  time: Time
  log: Log
  /** A new sender id, never the same twice. */
  newId: () => string
  listener: QueueListener<Ticket>
  observe: DiskQueueObserver
}

/** A part of a folder that senders share, and this one's alone. */
interface Slot {
  /** The name that tells it from the others'. */
  name: string
  /** Another took it over: nothing may be written into it any more. */
  isLost(this: void): boolean
}

export interface OpenedQueue {
  queue: Queue<Ticket>
  senderId: string
  /** Undefined for a queue in memory, which shares no folder with others. */
  slot: Slot | undefined
  /** Where checkpoints of files belong that lie with the queue; undefined for a queue in memory. */
  checkpoints: string | undefined
  problem(): string | undefined
  /** Undefined for a queue in memory. */
  usage(): DiskUsage | undefined
  /** From now on events of senders that are gone are brought to `give`, which resolves true once they are safe. */
  adoptOrphans(give: (events: Events) => Promise<boolean>): void
  close(): Promise<void>
}

/** How often slots are looked at whose senders may be gone, ms. */
const orphanLook = 15_000

/** Rejects when the directory of a queue on disk cannot be used at all. */
export async function openQueue(deps: OpenQueueDeps): Promise<OpenedQueue> {
  const { settings, newId } = deps
  if (settings.type === 'Disk' && settings.directory !== undefined) {
    return await openOnDisk(deps, settings.directory)
  }
  return {
    queue: createMemoryQueue<Ticket>(settings),
    senderId: newId(),
    slot: undefined,
    checkpoints: undefined,
    problem: () => undefined,
    usage: () => undefined,
    adoptOrphans: () => undefined,
    close: () => Promise.resolve(),
  }
}

async function openOnDisk(deps: OpenQueueDeps, directory: string): Promise<OpenedQueue> {
  const { disk, time, log } = deps
  const own = { host: hostname(), pid: process.pid, start: startOf(process.pid) ?? '' }
  const locks = createSlotLocks({ directory, disk, time, log, own, isAlive })
  const slot = await locks.take()
  const { listener } = deps
  const queue = await openDiskQueue<Ticket>({
    ...deps,
    directory: slot.directory,
    listener: { ...listener, settled: (settled) => void passOn(settled) },
  }).catch(async (error: unknown) => {
    await slot.release()
    throw error
  })
  log.info({ slot: slot.directory, senderId: queue.senderId }, 'The queue on disk is open')
  /** What was written after a long pause may lie in a slot that another has read already: nobody calls that safe. */
  async function passOn(settled: Settled<Ticket>): Promise<void> {
    if (slot.isSure() || (await slot.confirmed())) listener.settled(settled)
    else listener.settled({ done: [], dropped: [...settled.done, ...settled.dropped] })
  }

  let isAwaited = false

  /** Whoever was refused asks again; of a lost slot nobody hears any more. */
  async function wakeWhenSure(): Promise<void> {
    if (isAwaited) return
    isAwaited = true
    if (!(await slot.confirmed())) return
    isAwaited = false
    listener.changed()
  }

  const ending = new AbortController()
  let adopting: Promise<void> = Promise.resolve()

  async function lookForOrphans(give: (events: Events) => Promise<boolean>): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        const orphan = await locks.takeOrphan()
        if (orphan !== undefined) await bringHome(orphan, give)
      } catch (error) {
        log.warn({ problem: messageOf(error) }, 'Slots of other senders cannot be looked at')
      }
      await time.sleep(orphanLook, ending.signal)
    }
  }

  async function bringHome(
    orphan: HeldSlot,
    give: (events: Events) => Promise<boolean>,
  ): Promise<void> {
    log.info({ slot: orphan.directory }, 'A sender is gone: its events are taken over')
    try {
      const { signal } = ending
      const events = await adopt({ ...deps, directory: orphan.directory, give, signal })
      log.info({ slot: orphan.directory, events }, 'Events of a sender that is gone are taken over')
    } finally {
      await orphan.release()
    }
  }

  return {
    queue: {
      ...queue,
      // Whoever holds the slot now does not look at what is written into it later.
      commit(added, now, owner) {
        if (slot.isSure()) return queue.commit(added, now, owner)
        void wakeWhenSure()
        return { result: 'full', dropped: 0, settled: { done: [], dropped: [] } }
      },
    },
    senderId: queue.senderId,
    slot: { name: basename(slot.directory), isLost: () => slot.isLost() },
    checkpoints: join(slot.directory, 'checkpoints'),
    problem: () =>
      slot.isLost()
        ? 'Another sender took over the slot of this queue: this one needs a restart'
        : queue.problem(),
    usage: () => queue.usage(),
    adoptOrphans(give) {
      adopting = lookForOrphans(give)
    },
    async close() {
      ending.abort()
      await adopting
      await queue.close()
      await slot.release()
    },
  }
}

function isAlive({ pid, start }: Holder): boolean {
  return startOf(pid) === start
}

/** Linux says when a process began; elsewhere only whether it is there. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold anything; the 22nd field is the 20th behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return isThere(pid) ? '' : undefined
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
