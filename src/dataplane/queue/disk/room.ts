/** What fits into the queue's bound, heads of files and records included. */
import { segmentHead } from './record.ts'
import type { Segment, Segments } from './segments.ts'

export interface RoomDeps {
  segments: Segments
  /** Bytes of all files together. */
  maxSize: () => number
  /** What is not written yet will take so many bytes. */
  pendingCharge: () => number
  /** Nothing is in the queue. */
  isEmpty: () => boolean
  /** What is being written to. */
  target: () => Segment | undefined
  /** Ends the last segment unless it is being written to. */
  seal(): void
  /** Gives up what is left of it. */
  drop(segment: Segment): void
}

export interface Room {
  /** After so many bytes a file is full. */
  segmentBytes(): number
  has(added: number): boolean
  /** Drops whole segments, the oldest first; undefined when even all of them would not make the room. */
  make(added: number): number | undefined
}

const mostSegmentBytes = 8 * 2 ** 20
const leastSegmentBytes = 4 * 1024

export function createRoom(deps: RoomDeps): Room {
  const { segments, maxSize, target } = deps

  /** Small enough that space comes back in steps, large enough that files are few. */
  function segmentBytes(): number {
    return Math.max(leastSegmentBytes, Math.min(mostSegmentBytes, Math.floor(maxSize() / 16)))
  }

  /** Bytes that all will take on the disk once it is written, heads of new segments included. */
  function used(added: number): number {
    const charge = deps.pendingCharge() + added
    const heads = segmentHead * (1 + Math.ceil((2 * charge) / segmentBytes()))
    return segments.bytes() + charge + heads
  }

  return {
    segmentBytes,
    has(added) {
      if (used(added) <= maxSize()) return true
      const [last] = segments.list().slice(-1)
      // A file of which nothing is left gives its space back even though it is not full.
      if (last?.left === 0) {
        deps.seal()
        segments.settle(last)
      }
      // Something larger than the whole queue is taken alone, else it could never pass.
      return deps.isEmpty() || used(added) <= maxSize()
    },
    make(added) {
      const victims = segments
        .list()
        .filter((segment) => segment.inFlight === 0 && segment !== target())
      const over = used(added) - maxSize()
      if (victims.reduce((sum, { size }) => sum + size, 0) < over) return undefined
      let freed = 0
      let dropped = 0
      for (const segment of victims) {
        if (freed >= over) break
        freed += segment.size
        dropped += segment.left
        deps.drop(segment)
      }
      return dropped
    },
  }
}
