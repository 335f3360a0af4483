/** Chunks of events in their order: committed at one end, cut into batches at the other. */
import { splitEvents, type Events } from '../wire/events.ts'

export interface Chunk {
  readonly events: Events
  readonly committedAt: number
}

export interface Waiting<C extends Chunk> {
  readonly events: number
  readonly bytes: number
  peek(): C | undefined
  push(chunk: C): void
  shift(): C | undefined
  /** Gives back what is left of the chunk that was taken last. */
  putBack(chunk: C): void
  /** Takes whole chunks and, where a batch ends in one, its first events; empty when nothing waits. */
  cut(limits: { maxEvents: number; maxBytes: number }): C[]
  /** Takes out all that match, wherever they stand. */
  remove(matches: (chunk: C) => boolean): C[]
}

export interface WaitingOptions<C extends Chunk> {
  /** The same chunk with a part of its events: the first ones, or those after `skipped`. */
  part: (chunk: C, events: Events, skipped: number) => C
  /** May one batch hold both? Default: always. */
  follows?: (before: C, next: C) => boolean
}

export function createWaiting<C extends Chunk>({ part, follows }: WaitingOptions<C>): Waiting<C> {
  /** The first `head` of them are gone already: shifting a long array for each batch would cost its length. */
  let chunks: (C | undefined)[] = []
  let head = 0
  let events = 0
  let bytes = 0

  function shift(): C | undefined {
    const chunk = chunks[head]
    if (chunk === undefined) return undefined
    // Its bytes must not outlive it here: they count no more.
    chunks[head] = undefined
    head += 1
    if (head > 64 && head * 2 > chunks.length) {
      chunks = chunks.slice(head)
      head = 0
    }
    events -= chunk.events.count
    bytes -= chunk.events.body.length
    return chunk
  }

  function putBack(chunk: C): void {
    if (head > 0) chunks[--head] = chunk
    else chunks.unshift(chunk)
    events += chunk.events.count
    bytes += chunk.events.body.length
  }

  return {
    get events() {
      return events
    },
    get bytes() {
      return bytes
    },
    peek: () => chunks[head],
    push(chunk) {
      chunks.push(chunk)
      events += chunk.events.count
      bytes += chunk.events.body.length
    },
    shift,
    putBack,
    cut({ maxEvents, maxBytes }) {
      const taken: C[] = []
      let count = 0
      let size = 0
      while (count < maxEvents) {
        const next = chunks[head]
        if (next === undefined) break
        const before = taken.at(-1)
        if (before !== undefined && follows?.(before, next) === false) break
        const room = maxBytes - size
        if (count > 0 && next.events.body.length > room && !fitsOne(next.events, room)) break
        shift()
        const [first, rest] = splitEvents(next.events, maxEvents - count, Math.max(room, 1))
        if (rest) putBack(part(next, rest, first.count))
        taken.push(rest ? part(next, first, 0) : next)
        count += first.count
        size += first.body.length
        if (rest) break
      }
      return taken
    },
    remove(matches) {
      const removed: C[] = []
      const kept: C[] = []
      for (const chunk of chunks.slice(head)) {
        if (chunk !== undefined) (matches(chunk) ? removed : kept).push(chunk)
      }
      for (const chunk of removed) {
        events -= chunk.events.count
        bytes -= chunk.events.body.length
      }
      chunks = kept
      head = 0
      return removed
    },
  }
}

/** True when at least the first event is not longer than `room`. */
function fitsOne({ body }: Events, room: number): boolean {
  const end = body.indexOf(0x0a)
  return end !== -1 && end + 1 <= room
}
