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

interface Chunk<Owner> {
  events: Events
  owner: Owner | undefined
  committedAt: number
}

export function createMemoryQueue<Owner>(initial: QueueSettings): Queue<Owner> {
  let settings = initial
  /** The first `head` of them are gone already: shifting a long array for each batch would cost its length. */
  let waiting: (Chunk<Owner> | undefined)[] = []
  let head = 0
  let waitingEvents = 0
  let waitingBytes = 0
  let bytes = 0
  let events = 0
  let nextSequence = 0
  const inFlight = new Set<Batch<Owner>>()
  /** Events of each owner that are not acknowledged yet. */
  const open = new Map<Owner, number>()

  function takeHead(): Chunk<Owner> | undefined {
    const chunk = waiting[head]
    if (chunk === undefined) return undefined
    // Its bytes must not outlive it here: they count no more.
    waiting[head] = undefined
    head += 1
    if (head > 64 && head * 2 > waiting.length) {
      waiting = waiting.slice(head)
      head = 0
    }
    waitingEvents -= chunk.events.count
    waitingBytes -= chunk.events.body.length
    return chunk
  }

  function putBack(chunk: Chunk<Owner>): void {
    if (head > 0) waiting[--head] = chunk
    else waiting.unshift(chunk)
    waitingEvents += chunk.events.count
    waitingBytes += chunk.events.body.length
  }

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
      const chunk = takeHead()
      if (chunk === undefined) break
      const over = bytes + size - settings.maxSize
      const [gone, kept] = splitAfter(chunk.events, over)
      forget(gone)
      dropped += gone.count
      if (chunk.owner !== undefined) owners.add(chunk.owner)
      if (kept) putBack({ ...chunk, events: kept })
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
          settings.onFull === 'DropOldest' && bytes - waitingBytes + size <= settings.maxSize
        if (!canMakeRoom) return { result: 'full', dropped, settled }
        const made = makeRoom(size)
        dropped = made.dropped
        settled.dropped.push(...made.owners.filter((each) => each !== owner))
      }
      for (const part of added) {
        if (part.count === 0) continue
        waiting.push({ events: part, owner, committedAt: now })
        waitingEvents += part.count
        events += part.count
        if (owner !== undefined) open.set(owner, (open.get(owner) ?? 0) + part.count)
      }
      waitingBytes += size
      bytes += size
      return { result: 'accepted', dropped, settled }
    },
    readyAt({ maxEvents, maxBytes, maxWait }, hurry) {
      const oldest = waiting[head]
      if (oldest === undefined) return Number.POSITIVE_INFINITY
      const full = waitingEvents >= maxEvents || waitingBytes >= maxBytes
      return full || hurry ? Number.NEGATIVE_INFINITY : oldest.committedAt + maxWait
    },
    cut({ maxEvents, maxBytes }) {
      const parts: Events[] = []
      const shares: { owner: Owner | undefined; count: number }[] = []
      let count = 0
      let size = 0
      let committedAt = Number.POSITIVE_INFINITY
      while (count < maxEvents) {
        const next = waiting[head]
        if (next === undefined) break
        const room = maxBytes - size
        if (count > 0 && next.events.body.length > room && !fitsOne(next.events, room)) break
        takeHead()
        const [part, rest] = splitEvents(next.events, maxEvents - count, Math.max(room, 1))
        if (rest) putBack({ ...next, events: rest })
        parts.push(part)
        shares.push({ owner: next.owner, count: part.count })
        committedAt = Math.min(committedAt, next.committedAt)
        count += part.count
        size += part.body.length
        if (rest) break
      }
      if (count === 0) return undefined
      const first = nextSequence
      nextSequence += count
      const joined = joinEvents(parts)
      const batch = { first, last: nextSequence - 1, events: joined, committedAt, shares }
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
      const kept: Chunk<Owner>[] = []
      for (const chunk of waiting.slice(head)) {
        if (chunk === undefined) continue
        if (chunk.owner !== owner) {
          kept.push(chunk)
          continue
        }
        withdrawn += chunk.events.count
        waitingEvents -= chunk.events.count
        waitingBytes -= chunk.events.body.length
        forget(chunk.events)
      }
      waiting = kept
      head = 0
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
      const times = [oldestBatch?.committedAt, waiting[head]?.committedAt].filter(
        (time) => time !== undefined,
      )
      return {
        events,
        bytes,
        waitingEvents,
        waitingBytes,
        oldest: times.length === 0 ? undefined : Math.min(...times),
      }
    },
  }
}

/** True when at least the first event is not longer than `room`. */
function fitsOne({ body }: Events, room: number): boolean {
  const end = body.indexOf(0x0a)
  return end !== -1 && end + 1 <= room
}

/** The shortest run of whole events of at least `size` bytes, and the rest. */
function splitAfter(events: Events, size: number): [Events, Events | undefined] {
  if (size >= events.body.length) return [events, undefined]
  const [gone, kept] = splitEvents(events, events.count, size)
  if (gone.body.length >= size || kept === undefined) return [gone, kept]
  const [one, rest] = splitEvents(kept, 1, kept.body.length)
  return [joinEvents([gone, one]), rest]
}
