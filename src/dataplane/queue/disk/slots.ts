/**
 * Several senders may share one folder: each holds a slot of it by a lock that it renews. A lock is a file
 * `lock.<generation>`; whoever takes a free slot makes the next generation, which only one can, and the highest one counts.
 *
 * | lock of the highest generation                         | the slot is |
 * |--------------------------------------------------------|-------------|
 * | none, or given up                                      | free        |
 * | of this host, and the process is gone                  | free        |
 * | of this host, and the process is there                 | held        |
 * | of another host, or unreadable: seen to change, or not watched for 30 s yet | held |
 * | the same, and watched for 30 s without a change        | free        |
 *
 * Unchanged is told by watching, not by the time it bears: clocks of two nodes may differ by more than that.
 */

/** Who holds a lock. A pid alone says little: it is given out again, and in each container anew. */
export interface Holder {
  host: string
  pid: number
  /** When the process began, in whatever unit the system tells it. */
  start: string
}

export interface Lock {
  generation: number
  /** As it was read; undefined when it is empty or no lock of ours. */
  content: (Holder & { beat: number; released: boolean }) | undefined
}

export interface SeenSlot {
  number: number
  holdsEvents: boolean
  lock: Lock | undefined
  /** How long its lock is known to be unchanged, ms. */
  unchangedFor: number
}

export interface SlotRules {
  host: string
  isAlive: (holder: Holder) => boolean
}

/** Without a renewal for so long a lock is no lock any more, ms. */
export const lockLimit = 30_000
export const lockRenewal = 5_000
/** Its holder trusts it for less, so that it stops before another may begin, ms. */
export const lockTrust = lockLimit - lockRenewal

/** Free slots in the order in which they are worth taking: those that hold events, then the lowest number. */
export function freeSlots(slots: readonly SeenSlot[], rules: SlotRules): SeenSlot[] {
  return slots
    .filter((slot) => isFree(slot, rules))
    .toSorted((a, b) => Number(b.holdsEvents) - Number(a.holdsEvents) || a.number - b.number)
}

/** The lowest number that no slot has. */
export function newSlot(slots: readonly SeenSlot[]): number {
  const taken = new Set(slots.map(({ number }) => number))
  let number = 0
  while (taken.has(number)) number += 1
  return number
}

function isFree({ lock, unchangedFor }: SeenSlot, { host, isAlive }: SlotRules): boolean {
  if (lock === undefined) return true
  const { content } = lock
  if (content?.released) return true
  if (content?.host === host) return !isAlive(content)
  return unchangedFor >= lockLimit
}

const slotPattern = /^slot-(\d{1,6})$/
const lockPattern = /^lock\.(\d{1,12})$/

export function slotName(number: number): string {
  return `slot-${number}`
}

/** Undefined for what is no slot. */
export function parseSlotName(name: string): number | undefined {
  const match = slotPattern.exec(name)
  return match === null ? undefined : Number(match[1])
}

export function lockName(generation: number): string {
  return `lock.${generation}`
}

export function parseLockName(name: string): number | undefined {
  const match = lockPattern.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** Always of one length, so that a renewal is one write over the last one. */
export const lockBytes = 512

export function formatLock(content: NonNullable<Lock['content']>): Buffer {
  return Buffer.from(
    JSON.stringify(content)
      .padEnd(lockBytes - 1)
      .concat('\n'),
  )
}

export function parseLock(bytes: Buffer): Lock['content'] {
  try {
    const value = JSON.parse(bytes.toString()) as Record<string, unknown>
    const { host, pid, start, beat, released } = value
    return typeof host === 'string' &&
      typeof pid === 'number' &&
      typeof start === 'string' &&
      typeof beat === 'number' &&
      typeof released === 'boolean'
      ? { host, pid, start, beat, released }
      : undefined
  } catch {
    // Torn, or another's: who holds it cannot be told.
    return undefined
  }
}
