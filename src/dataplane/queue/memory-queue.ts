/**
 * The queue in memory: bounded by the bytes of its events, those in flight included.
 *
 *   commit ──▶ [ waiting chunks ] ──cut──▶ { batches in flight } ──acknowledge──▶ gone
 *                 │  ▲ DropOldest             never dropped
 *      withdraw ◀─┘
 *
 * A chunk is what was committed in one go. A batch takes whole chunks and cuts the last one at an event's end.
 */
import { joinEvents, splitEvents, type Events } from '../wire/events.ts'
import type { Batch, Queue, QueueSettings, Settled } from './queue.ts'
import { createWaiting, type Chunk } from './waiting.ts'

interface OwnedChunk<Owner> extends Chunk {
  owner: Owner | undefined
}

export function createMemoryQueue<Owner>(initial: QueueSettings): Queue<Owner> {
  let settings = initial
  const waiting = createWaiting<OwnedChunk<Owner>>({
    part: (chunk, events) => ({ ...chunk, events }),
  })
  let bytes = 0
  let events = 0
  let nextSequence = 0
  const inFlight = new Set<Batch<Owner>>()
  /** Events of each owner that are not acknowledged yet. */
  const open = new Map<Owner, number>()

  function forget({ body, count }: Events): void {
    bytes -= body.length
    events -= count
  }

  /** A request larger than the whole queue is taken alone, else it could never pass. */
  function hasRoom(size: number): boolean {
    return bytes === 0 || bytes + size <= settings.maxSize
  }

  /** Drops the oldest events one chunk at a time; those who wait for any of them hear of it once. */
  function makeRoom(size: number): { dropped: number; owners: Owner[] } {
    const owners = new Set<Owner>()
    let dropped = 0
    while (!hasRoom(size)) {
      const chunk = waiting.shift()
      if (chunk === undefined) break
      const over = bytes + size - settings.maxSize
      const [gone, kept] = splitAfter(chunk.events, over)
      forget(gone)
      dropped += gone.count
      if (chunk.owner !== undefined) owners.add(chunk.owner)
      if (kept) waiting.putBack({ ...chunk, events: kept })
    }
    for (const owner of owners) open.delete(owner)
    return { dropped, owners: [...owners] }
  }

  return {
    commit(added, now, owner) {
      const settled: Settled<Owner> = { done: [], dropped: [] }
      const size = added.reduce((sum, { body }) => sum + body.length, 0)
      let dropped = 0
      if (!hasRoom(size)) {
        // What is in flight is never dropped: no use in emptying the rest where that would not make room.
        const canMakeRoom =
          settings.onFull === 'DropOldest' && bytes - waiting.bytes + size <= settings.maxSize
        if (!canMakeRoom) return { result: 'full', dropped, settled }
        const made = makeRoom(size)
        dropped = made.dropped
        settled.dropped.push(...made.owners.filter((each) => each !== owner))
      }
      for (const part of added) {
        if (part.count === 0) continue
        waiting.push({ events: part, owner, committedAt: now })
        events += part.count
        if (owner !== undefined) open.set(owner, (open.get(owner) ?? 0) + part.count)
      }
      bytes += size
      return { result: 'accepted', dropped, settled }
    },
    readyAt({ maxEvents, maxBytes, maxWait }, hurry) {
      const oldest = waiting.peek()
      if (oldest === undefined) return Number.POSITIVE_INFINITY
      const full = waiting.events >= maxEvents || waiting.bytes >= maxBytes
      return full || hurry ? Number.NEGATIVE_INFINITY : oldest.committedAt + maxWait
    },
    cut(limits) {
      const chunks = waiting.cut(limits)
      if (chunks.length === 0) return undefined
      const joined = joinEvents(chunks.map((chunk) => chunk.events))
      const first = nextSequence
      nextSequence += joined.count
      const batch = {
        first,
        last: nextSequence - 1,
        events: joined,
        committedAt: chunks.reduce((min, each) => Math.min(min, each.committedAt), Infinity),
        shares: chunks.map(({ owner, events: { count } }) => ({ owner, count })),
      }
      inFlight.add(batch)
      return batch
    },
    acknowledge(batch) {
      const done: Owner[] = []
      if (!inFlight.delete(batch)) return { done, dropped: [] }
      forget(batch.events)
      for (const { owner, count } of batch.shares) {
        const left = owner === undefined ? undefined : open.get(owner)
        if (owner === undefined || left === undefined) continue
        if (left > count) open.set(owner, left - count)
        else {
          open.delete(owner)
          done.push(owner)
        }
      }
      return { done, dropped: [] }
    },
    withdraw(owner, isUnsent) {
      open.delete(owner)
      let withdrawn = 0
      for (const chunk of waiting.remove((each) => each.owner === owner)) {
        withdrawn += chunk.events.count
        forget(chunk.events)
      }
      for (const batch of inFlight) {
        // Nobody waits for any of it: all its owners were withdrawn, this one last.
        const nobodyWaits = batch.shares.every(
          (share) => share.owner !== undefined && !open.has(share.owner),
        )
        if (!nobodyWaits || !isUnsent(batch)) continue
        inFlight.delete(batch)
        forget(batch.events)
        withdrawn += batch.events.count
      }
      return withdrawn
    },
    configure(next) {
      settings = next
    },
    totals() {
      const [oldestBatch] = inFlight
      const times = [oldestBatch?.committedAt, waiting.peek()?.committedAt].filter(
        (time) => time !== undefined,
      )
      return {
        events,
        bytes,
        waitingEvents: waiting.events,
        waitingBytes: waiting.bytes,
        oldest: times.length === 0 ? undefined : Math.min(...times),
        memoryBytes: bytes,
        unsafeBytes: waiting.bytes,
      }
    },
  }
}

/** The shortest run of whole events of at least `size` bytes, and the rest. */
function splitAfter(events: Events, size: number): [Events, Events | undefined] {
  if (size >= events.body.length) return [events, undefined]
  const [gone, kept] = splitEvents(events, events.count, size)
  if (gone.body.length >= size || kept === undefined) return [gone, kept]
  const [one, rest] = splitEvents(kept, 1, kept.body.length)
  return [joinEvents([gone, one]), rest]
}
