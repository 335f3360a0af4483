/** The folder of slots: looks at their locks, takes a free one and keeps it. slots.ts says which is free. */
import { join } from 'node:path/posix'
import { messageOf } from '../../../errors.ts'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import { unlessAbsent } from './absent.ts'
import { parseSegmentName } from './record.ts'
import {
  formatLock,
  freeSlots,
  lockBytes,
  lockName,
  lockRenewal,
  lockTrust,
  newSlot,
  parseLock,
  parseLockName,
  parseSlotName,
  slotName,
  type Holder,
  type Lock,
  type SeenSlot,
} from './slots.ts'
import type { QueueLog } from './trouble.ts'

export interface SlotLocksDeps {
  /** The folder that senders share; made where it is absent. */
  directory: string
  disk: Disk
  time: Time
  log: QueueLog
  own: Holder
  isAlive: (holder: Holder) => boolean
}

export interface HeldSlot {
  directory: string
  /** Another took it over, as this one seemed dead: nothing may be written into it any more. */
  isLost(): boolean
  /** Nobody can have taken it over by now: its last renewal is young enough. False after a long pause of the process. */
  isSure(): boolean
  /** Resolves at the next renewal: true when the slot is still this one's, false when it is lost or given up. */
  confirmed(): Promise<boolean>
  /** Gives it up. Never rejects. */
  release(): Promise<void>
}

export interface SlotLocks {
  /** A free slot with events, else a free one, else a new one. */
  take(): Promise<HeldSlot>
  /** A free slot that holds events, if there is one. */
  takeOrphan(): Promise<HeldSlot | undefined>
}

export function createSlotLocks(deps: SlotLocksDeps): SlotLocks {
  const { directory, disk, time, log, own, isAlive } = deps
  /** What each slot's lock said, and since when. */
  const watched = new Map<number, { said: string; since: number }>()
  /** The locks of this process look like those of a living one; it is no orphan's. */
  const mine = new Set<number>()

  async function look(): Promise<SeenSlot[]> {
    const slots: SeenSlot[] = []
    for (const name of await disk.list(directory)) {
      const number = parseSlotName(name)
      if (number === undefined || mine.has(number)) continue
      const names = await disk.list(join(directory, name))
      const generation = Math.max(0, ...names.flatMap((each) => parseLockName(each) ?? []))
      const lock = generation === 0 ? undefined : await read(join(directory, name), generation)
      const said = JSON.stringify(lock ?? null)
      const before = watched.get(number)
      if (before?.said !== said) watched.set(number, { said, since: time.now() })
      slots.push({
        number,
        holdsEvents: names.some((each) => parseSegmentName(each) !== undefined),
        lock,
        unchangedFor: before?.said === said ? time.now() - before.since : 0,
      })
    }
    return slots
  }

  async function read(folder: string, generation: number): Promise<Lock> {
    try {
      const file = await disk.open(join(folder, lockName(generation)), 'existing')
      try {
        return { generation, content: parseLock(await file.read(0, lockBytes)) }
      } finally {
        await file.close()
      }
    } catch (error) {
      log.warn({ problem: messageOf(error), slot: folder }, 'The lock of a slot cannot be read')
      return { generation, content: undefined }
    }
  }

  /** Undefined when another was faster. */
  async function hold(number: number, generation: number): Promise<HeldSlot | undefined> {
    const folder = join(directory, slotName(number))
    await disk.makeFolder(folder)
    let file: DiskFile
    try {
      file = await disk.open(join(folder, lockName(generation)), 'create')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined
      throw error
    }
    let beat = 0
    let lost = false
    let renewedAt = time.now()
    let confirming = Promise.withResolvers<boolean>()
    const ending = new AbortController()
    const write = (released: boolean): Promise<void> =>
      file.write(0, formatLock({ ...own, beat, released }))
    try {
      await write(false)
      // Others may have taken and given it up since it was looked at, and removed the lock of this generation.
      if ((await highest(folder)) > generation) {
        await discard(file, join(folder, lockName(generation)))
        return undefined
      }
    } catch (error) {
      // A full disk as a rule: an empty lock would keep everyone from the slot for as long as one of another host.
      await discard(file, join(folder, lockName(generation)))
      throw error
    }
    mine.add(number)

    /** Did the lock's new beat come to the disk? Whether it did or not, another may hold the slot by now. */
    async function tryRenewal(): Promise<void> {
      const began = time.now()
      let problem: unknown
      try {
        await write(false)
      } catch (error) {
        problem = error
      }
      lost = (await highest(folder)) > generation
      if (lost) log.error({ slot: folder }, 'Another sender took over the slot of this queue')
      else if (problem !== undefined) throw problem
      else renewedAt = began
    }

    function tell(isHeld: boolean): void {
      confirming.resolve(isHeld)
      confirming = Promise.withResolvers()
    }

    async function renew(): Promise<void> {
      for (;;) {
        await time.sleep(lockRenewal, ending.signal)
        if (ending.signal.aborted) return
        beat += 1
        try {
          await tryRenewal()
          tell(!lost)
          if (lost) return
        } catch (error) {
          log.warn({ problem: messageOf(error), slot: folder }, 'A lock cannot be renewed')
        }
      }
    }

    const renewing = renew()
    await removeOlder(folder, generation)
    return {
      directory: folder,
      isLost: () => lost,
      isSure: () => !lost && time.now() - renewedAt < lockTrust,
      confirmed: () =>
        lost || ending.signal.aborted ? Promise.resolve(false) : confirming.promise,
      async release() {
        ending.abort()
        await renewing
        tell(false)
        try {
          if (!lost) await write(true)
          await file.close()
        } catch (error) {
          log.warn({ problem: messageOf(error), slot: folder }, 'A slot cannot be given up')
        }
        mine.delete(number)
      },
    }
  }

  /** Never rejects. */
  async function discard(file: DiskFile, path: string): Promise<void> {
    try {
      await file.close()
      // Who took the slot may have removed it as an old one.
      await disk.remove(path).catch(unlessAbsent)
    } catch (error) {
      log.warn({ problem: messageOf(error), path }, 'A lock that could not be written is left')
    }
  }

  async function highest(folder: string): Promise<number> {
    const names = await disk.list(folder)
    return Math.max(0, ...names.flatMap((each) => parseLockName(each) ?? []))
  }

  /** Never rejects. */
  async function removeOlder(folder: string, generation: number): Promise<void> {
    try {
      for (const name of await disk.list(folder)) {
        const older = parseLockName(name)
        if (older === undefined || older >= generation) continue
        await disk.remove(join(folder, name)).catch(unlessAbsent)
      }
    } catch (error) {
      log.warn({ problem: messageOf(error), slot: folder }, 'An old lock cannot be removed')
    }
  }

  async function takeFirst(slots: readonly SeenSlot[]): Promise<HeldSlot | undefined> {
    for (const { number, lock } of freeSlots(slots, { host: own.host, isAlive })) {
      const held = await hold(number, (lock?.generation ?? 0) + 1)
      if (held !== undefined) return held
    }
    return undefined
  }

  return {
    async take() {
      await disk.makeFolder(directory)
      for (;;) {
        const slots = await look()
        const held = (await takeFirst(slots)) ?? (await hold(newSlot(slots), 1))
        if (held !== undefined) return held
      }
    },
    async takeOrphan() {
      const slots = await look()
      return await takeFirst(slots.filter(({ holdsEvents }) => holdsEvents))
    },
  }
}
