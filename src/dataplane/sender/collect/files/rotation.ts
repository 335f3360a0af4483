/**
 * What happened to a file, judged by what is known of it and what is seen.
 *
 * | seen                                             | it is                       | and is read                      |
 * |--------------------------------------------------|-----------------------------|----------------------------------|
 * | same inode, other path                           | renamed                     | on, where it was                 |
 * | same inode, shorter than read or other beginning | truncated, or inode reused  | from 0                           |
 * | inode found nowhere                              | deleted, or moved away      | to its end by the open descriptor|
 * | new inode, beginning of one that was truncated   | the rotator's copy of it    | on, where that one was           |
 * | new inode, beginning of one that is still there  | a copy, perhaps             | once that is truncated, or after |
 * |                                                  |                             | `copyLimits` from 0: its own file|
 * | new inode, magic bytes                           | compressed                  | not at all                       |
 * | new inode                                        | new                         | from 0                           |
 */
import { type Fingerprint, fingerprintBytes, fingerprintOf, isFull } from './fingerprint.ts'
import type { Place } from './progress.ts'

/** What a file held that was truncated or is gone, as far as it was read. */
export interface Former {
  path: string
  fingerprint: Fingerprint
  given: Place
  /** Known from an earlier process, and nowhere found: it may have moved to another device. */
  isLeftOver: boolean
}

export interface Candidate {
  path: string
  size: number
  beginning: Beginning
}

/** The first bytes of a file, to be held against many others. */
export interface Beginning {
  /** At most `fingerprintBytes`. */
  readonly length: number
  /** Whether that other file begins alike; nobody knows of one of which nothing was read. */
  isOf(fingerprint: Fingerprint): boolean
}

export function beginningOf(head: Buffer): Beginning {
  /** By length: of thousands of files nearly all have the same. */
  const digests = new Map<number, string>()
  return {
    length: head.length,
    isOf({ length, digest }) {
      if (length === 0 || head.length < length) return false
      const own = digests.get(length) ?? fingerprintOf(head.subarray(0, length)).digest
      digests.set(length, own)
      return own === digest
    },
  }
}

/**
 * What has to be looked at to know whether the candidate is what the former was: the bytes before `given`, `undefined`
 * where it ends before; `other` when it cannot be. A truncated file's own successor begins alike where each log begins
 * with the same lines, so the same path never counts; nor do a few bytes over a restart.
 */
export function proofOfCopy(
  candidate: Candidate,
  former: Former,
): { start: number; length: number; tail: Fingerprint } | 'other' | undefined {
  const { fingerprint, given, isLeftOver } = former
  if (!candidate.beginning.isOf(fingerprint)) return 'other'
  if (isLeftOver ? !isFull(fingerprint) : candidate.path === former.path) return 'other'
  if (candidate.size >= given.offset) {
    const { length } = given.tail
    return { start: given.offset - length, length, tail: given.tail }
  }
  // Lines that were written after the copy was made. That is no proof, so all of the beginning must be the same.
  return !isLeftOver && candidate.beginning.length === Math.min(candidate.size, fingerprintBytes)
    ? undefined
    : 'other'
}

/** Milliseconds: without growth, and in all. */
export const copyLimits = { quiet: 5_000, total: 60_000 } as const

/** Whether a file that looks like the copy of another waits for that one's truncation no longer. */
export function isItsOwn(suspicion: { since: number; grewAt: number }, now: number): boolean {
  return now >= suspicion.grewAt + copyLimits.quiet || now >= suspicion.since + copyLimits.total
}
