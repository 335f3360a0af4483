/**
 * Which events are acknowledged: all below a mark, and ranges above it. Batches are cut in the order of their sequence
 * numbers and acknowledged in any order.
 *
 * On the disk it stands in four places of one file: two are written in turn and not synced, as losing them only repeats
 * what was delivered; two others in turn and synced, before a file goes whose numbers must not come again. A torn write
 * leaves the older one of two, and whatever becomes of the unsynced ones leaves the synced ones.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** Sequence numbers, both inclusive. */
interface Range {
  first: number
  last: number
}

export interface AcknowledgedState {
  /** All with a lower sequence number are done. */
  below: number
  /** Done as well; sorted, apart, none below the mark. */
  ranges: Range[]
}

export interface Acknowledged {
  cut(batch: Range): void
  done(batch: Range): void
  /** What begins there is not acknowledged in this life. */
  leave(from: number): void
  state(): AcknowledgedState
}

/** `unread`: what begins there and may not be acknowledged in this life, in order. */
export function createAcknowledged(
  initial: AcknowledgedState,
  unread: readonly number[] = [],
): Acknowledged {
  let cutUpTo = initial.below
  const open: number[] = [...unread]
  let ranges = initial.ranges.map((range) => ({ ...range }))

  function below(): number {
    // What could not be read may begin behind events that were not cut yet.
    return Math.min(open[0] ?? cutUpTo, cutUpTo)
  }

  return {
    cut({ first, last }) {
      // What could not be read may lie behind: the list stays sorted.
      open.splice(lowerBound(open, first), 0, first)
      cutUpTo = last + 1
    },
    done({ first, last }) {
      const index = indexOf(open, first)
      if (index === -1) return
      open.splice(index, 1)
      const mark = below()
      const at = ranges.findIndex((range) => range.first > first)
      ranges.splice(at === -1 ? ranges.length : at, 0, { first, last })
      ranges = ranges.filter((range) => range.last >= mark)
      // Between two of them nothing is left when no batch there is open: what has no number there never will.
      const merged: Range[] = []
      for (const range of ranges) {
        const before = merged.at(-1)
        const isApart =
          before === undefined ||
          range.first > cutUpTo ||
          opensWithin(open, before.last, range.first)
        if (isApart) merged.push(range)
        else before.last = range.last
      }
      ranges = merged
    },
    leave(from) {
      open.splice(lowerBound(open, from), 0, from)
    },
    state: () => ({ below: below(), ranges: ranges.map((range) => ({ ...range })) }),
  }
}

/** Of the first value that is at least `wanted`. */
function lowerBound(sorted: readonly number[], wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? Infinity) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

function indexOf(sorted: readonly number[], wanted: number): number {
  const index = lowerBound(sorted, wanted)
  return sorted[index] === wanted ? index : -1
}

function opensWithin(open: readonly number[], after: number, before: number): boolean {
  return (open[lowerBound(open, after)] ?? Infinity) < before
}

/** Events of `record` that are not done, as runs of their indexes within it: [from, until). */
export function leftOf(
  { first, count }: { first: number; count: number },
  { below, ranges }: AcknowledgedState,
): [number, number][] {
  const runs: [number, number][] = []
  let at = Math.max(first, below)
  const end = first + count
  for (const range of ranges) {
    if (at >= end || range.first >= end) break
    if (range.last < at) continue
    if (range.first > at) runs.push([at - first, range.first - first])
    at = range.last + 1
  }
  if (at < end) runs.push([at - first, count])
  return runs
}

export const placeBytes = 4096
export const places = [0, 1, 2, 3] as const
const firstSynced = 2

/** Of those that are synced, the one that is not `place`. */
export function otherPlace(place: number | undefined): number {
  return place === firstSynced ? firstSynced + 1 : firstSynced
}

export function isSyncedPlace(place: number): boolean {
  return place >= firstSynced
}

const magic = Buffer.from('LSLA0001')
const rangesAt = 48
const maxRanges = Math.floor((placeBytes - rangesAt - 4) / 16)

/** One place of the file. Ranges that do not fit are left out. `turn` counts up. */
export function encodeAcknowledged(
  senderId: string,
  turn: number,
  { below, ranges }: AcknowledgedState,
): Buffer {
  const place = Buffer.alloc(placeBytes)
  const kept = ranges.slice(0, maxRanges)
  magic.copy(place)
  digestOf(senderId).copy(place, 8)
  place.writeDoubleBE(turn, 24)
  place.writeDoubleBE(below, 32)
  place.writeUInt32BE(kept.length, 40)
  for (const [index, { first, last }] of kept.entries()) {
    place.writeDoubleBE(first, rangesAt + 16 * index)
    place.writeDoubleBE(last, rangesAt + 16 * index + 8)
  }
  place.writeUInt32BE(crc32(place.subarray(0, placeBytes - 4)), placeBytes - 4)
  return place
}

/** Undefined for a damaged place, and for one of another sender: its numbers say nothing about ours. */
export function decodeAcknowledged(
  senderId: string,
  place: Buffer,
): { turn: number; state: AcknowledgedState } | undefined {
  if (place.length !== placeBytes || place.compare(magic, 0, 8, 0, 8) !== 0) return undefined
  if (place.readUInt32BE(placeBytes - 4) !== crc32(place.subarray(0, placeBytes - 4))) {
    return undefined
  }
  if (place.compare(digestOf(senderId), 0, 16, 8, 24) !== 0) return undefined
  const ranges = Array.from({ length: place.readUInt32BE(40) }, (_, index) => ({
    first: place.readDoubleBE(rangesAt + 16 * index),
    last: place.readDoubleBE(rangesAt + 16 * index + 8),
  }))
  return { turn: place.readDoubleBE(24), state: { below: place.readDoubleBE(32), ranges } }
}

function digestOf(senderId: string): Buffer {
  return createHash('sha256').update(senderId).digest().subarray(0, 16)
}
