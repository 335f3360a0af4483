/**
 * How far a file is safe. Pieces of it are given to the queue in order and become safe in any order, so what counts is
 * the end of the last piece before the first one that is not safe yet.
 *
 *   bytes     0 ─────── committed ──────────────────────── given ──── read
 *   pieces      safe safe        waiting │ safe │ waiting        begun line
 */
import { type Fingerprint, noFingerprint } from './fingerprint.ts'

/** A place in a file at a line's beginning, and what stands just before it. */
export interface Place {
  readonly offset: number
  readonly tail: Fingerprint
}

interface Piece {
  end: Place
  safe: boolean
}

export const beginning: Place = { offset: 0, tail: noFingerprint }

export interface Progress {
  /** All before it is delivered, dead-lettered or in a queue on disk. */
  readonly committed: Place
  /** All before it was given to the queue. */
  readonly given: Place
  /** Pieces that are given and not below `committed`. */
  readonly pending: number
  /** A piece was dropped by the queue: the file is to be read again from `committed`. */
  readonly isTorn: boolean
  give(end: Place): Piece
  /** True when `committed` moved. */
  settle(piece: Piece, result: 'done' | 'dropped'): boolean
  /** From now on that of a copy which ends there: what was given from behind it counts as its end. */
  clip(size: number): void
  /** Forgets what is given and not committed. */
  restart(): void
}

export function createProgress(from: Place = beginning): Progress {
  let committed = from
  let given = from
  let pieces: Piece[] = []
  let first = 0
  let isTorn = false

  function advance(): boolean {
    const before = committed
    for (let piece = pieces[first]; piece?.safe; piece = pieces[first]) {
      committed = piece.end
      first += 1
    }
    // Cut off in bulk, as shifting each one costs the length of the list.
    if (first > 64 && first * 2 > pieces.length) {
      pieces = pieces.slice(first)
      first = 0
    }
    return committed !== before
  }

  return {
    get committed() {
      return committed
    },
    get given() {
      return given
    },
    get pending() {
      return pieces.length - first
    },
    get isTorn() {
      return isTorn
    },
    give(end) {
      const piece = { end, safe: false }
      pieces.push(piece)
      given = end
      return piece
    },
    settle(piece, result) {
      if (result === 'done') piece.safe = true
      else if (pieces.includes(piece, first)) isTorn = true
      return advance()
    },
    clip(size) {
      const clipped = (place: Place): Place =>
        place.offset <= size ? place : { offset: size, tail: noFingerprint }
      committed = clipped(committed)
      given = clipped(given)
      for (const piece of pieces) piece.end = clipped(piece.end)
    },
    restart() {
      pieces = []
      first = 0
      given = committed
      isTorn = false
    },
  }
}
