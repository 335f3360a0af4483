/**
 * The queue on disk: an append-only log of its own.
 *
 *   commit ─▶ writer ──write, sync──▶ segments ──read ahead──▶ window ──cut──▶ { in flight } ─acknowledge─▶ gone
 *              │ pending                  │ owners are told        │                              │
 *   withdraw ◀─┘                          └── DropOldest ──▶ whole segments, never one in flight  └─▶ noted lazily
 *
 * docs/adr/0011 says why and what was measured.
 */
import { joinEvents } from '../../wire/events.ts'
import type { Batch, QueueTotals } from '../queue.ts'
import { createAcknowledged } from './acknowledged.ts'
import { createKeeper } from './keeper.ts'
import { createOwners } from './owners.ts'
import { createReader, type DurableChunk } from './reader.ts'
import { recordHead } from './record.ts'
import { recover } from './recover.ts'
import { createRoom } from './room.ts'
import { createSegments, type Segment } from './segments.ts'
import { openSetAside } from './set-aside.ts'
import { createTrouble } from './trouble.ts'
import type { DiskQueue, DiskQueueDeps, DiskQueueObserver } from './types.ts'
import { createWriter } from './writer.ts'

const defaultWindow = 16 * 2 ** 20
const mostPendingBytes = 16 * 2 ** 20
/** Of damaged parts, beside the queue's own bound. */
const mostAsideBytes = 8 * 2 ** 20
/** No life takes up numbers that an earlier one may have used for events that damage has hidden since. */
const numbersOfALife = 2 ** 30

const silent: DiskQueueObserver = {
  synced: () => undefined,
  corrupt: () => undefined,
  lost: () => undefined,
}

/** Rejects when the directory cannot be made or listed; damaged files are set aside and never keep it from opening. */
export async function openDiskQueue<Owner>(deps: DiskQueueDeps<Owner>): Promise<DiskQueue<Owner>> {
  const { directory, disk, time, log, newId, listener, observe = silent } = deps
  const windowBytes = deps.window ?? defaultWindow
  let settings = deps.settings
  const trouble = createTrouble(log)
  await disk.makeFolder(directory)
  const setAside = await openSetAside({
    directory,
    disk,
    limit: Math.min(mostAsideBytes, settings.maxSize),
    log,
    onCorrupt: (bytes) => observe.corrupt(bytes),
  })
  const recovered = await recover({
    directory,
    disk,
    time,
    setAside,
    log,
    onUnreadable: () => observe.corrupt(0),
  })
  const senderId = recovered.senderId ?? newId()
  const segments = createSegments({
    directory,
    disk,
    trouble,
    newId,
    lastNumber: recovered.lastNumber,
    beforeRemoval: () => keeper.keepNow(() => acknowledged.state()),
  })
  let events = 0
  let bytes = recovered.bytes
  let unreadable = recovered.unread.length
  for (const segment of recovered.segments) {
    segments.adopt(segment)
    events += segment.left
    segments.settle(segment)
  }
  if (events > 0) log.info({ events, bytes }, 'Events of an earlier life wait in the queue')
  const acknowledged = createAcknowledged(recovered.acknowledged, recovered.unread)
  const keeper = createKeeper({ directory, disk, time, trouble, senderId, recovered })
  await segments.sweep()

  /** What each batch takes from which segment. */
  const inFlight = new Map<Batch<Owner>, readonly DurableChunk[]>()
  let inFlightEvents = 0
  let inFlightBytes = 0
  const owners = createOwners<Owner>()

  const reader = createReader({
    disk,
    time,
    segments,
    trouble,
    setAside,
    log,
    acknowledged: recovered.acknowledged,
    hasRoom: () => reader.window.bytes + inFlightBytes < windowBytes,
    filled: () => listener.changed(),
    lost(lostEvents, lostBytes) {
      events -= lostEvents
      bytes -= lostBytes
      observe.lost(lostEvents)
      listener.changed()
    },
    unreadable(from, leftEvents, leftBytes) {
      unreadable += 1
      events -= leftEvents
      bytes -= leftBytes
      acknowledged.leave(from)
      observe.corrupt(0)
      listener.changed()
    },
  })
  const writer = createWriter<Owner>({
    segments,
    time,
    trouble,
    log,
    senderId,
    next:
      recovered.segments.length + recovered.unread.length === 0
        ? 0
        : recovered.next + numbersOfALife * (1 + recovered.hidden),
    segmentBytes: () => room.segmentBytes(),
    fileLimit: () => settings.maxSize,
    written(records, group, syncMs) {
      observe.synced(syncMs)
      reader.written(records)
      const done = owners.settle(group)
      listener.settled({ done, dropped: [] })
      listener.changed()
    },
    refused: () => listener.changed(),
  })
  const room = createRoom({
    segments,
    maxSize: () => settings.maxSize,
    pendingCharge: () => writer.totals().charge,
    isEmpty: () => events === 0,
    target: () => writer.target(),
    seal: () => writer.seal(),
    drop,
  })
  reader.wake()

  function drop(segment: Segment): void {
    const chunks = reader.window.remove((chunk) => chunk.segment === segment)
    events -= segment.left
    bytes -= segment.unreadBytes + chunks.reduce((sum, each) => sum + each.events.body.length, 0)
    segment.left = 0
    segment.unread = 0
    segment.unreadBytes = 0
    segments.condemn(segment)
  }

  function forget(chunks: readonly DurableChunk[]): void {
    for (const { segment, events: part } of chunks) {
      segment.left -= part.count
      segment.inFlight -= part.count
      inFlightEvents -= part.count
      inFlightBytes -= part.body.length
      events -= part.count
      bytes -= part.body.length
      segments.settle(segment)
    }
  }

  return {
    senderId,
    commit(added, now, owner) {
      const settled = { done: [], dropped: [] }
      const parts = added.filter(({ count }) => count > 0)
      const size = parts.reduce((sum, { body }) => sum + body.length + recordHead, 0)
      const pending = writer.totals()
      const isBehind = pending.events > 0 && pending.bytes + size > mostPendingBytes
      // What the disk refuses is not taken: it would only wait for the same in memory. With nothing pending any more,
      // nothing else would ever ask the disk again.
      const isRefused = trouble.has('write') && pending.events > 0
      if (isBehind || isRefused) return { result: 'full', dropped: 0, settled }
      let dropped: number | undefined = 0
      if (!room.has(size)) {
        dropped = settings.onFull === 'DropOldest' ? room.make(size) : undefined
        if (dropped === undefined) return { result: 'full', dropped: 0, settled }
      }
      for (const part of parts) {
        events += part.count
        bytes += part.body.length
        owners.add(owner, part.count)
        writer.push({ events: part, owner, committedAt: now })
      }
      return { result: 'accepted', dropped, settled }
    },
    readyAt({ maxEvents, maxBytes, maxWait }, hurry) {
      const oldest = reader.window.peek()
      if (oldest === undefined) return Number.POSITIVE_INFINITY
      const full = reader.window.events >= maxEvents || reader.window.bytes >= maxBytes
      return full || hurry ? Number.NEGATIVE_INFINITY : oldest.committedAt + maxWait
    },
    cut(limits) {
      const chunks = reader.window.cut(limits)
      const [head] = chunks
      if (head === undefined) return undefined
      const joined = joinEvents(chunks.map((chunk) => chunk.events))
      const batch: Batch<Owner> = {
        first: head.first,
        last: head.first + joined.count - 1,
        events: joined,
        committedAt: chunks.reduce((min, each) => Math.min(min, each.committedAt), Infinity),
        shares: [{ owner: undefined, count: joined.count }],
      }
      for (const { segment, events: part } of chunks) segment.inFlight += part.count
      inFlightEvents += joined.count
      inFlightBytes += joined.body.length
      inFlight.set(batch, chunks)
      acknowledged.cut(batch)
      reader.wake()
      return batch
    },
    acknowledge(batch) {
      const chunks = inFlight.get(batch)
      if (chunks !== undefined) {
        inFlight.delete(batch)
        forget(chunks)
        acknowledged.done(batch)
        keeper.keep(() => acknowledged.state())
        if (segments.condemnedBytes() > 0) void segments.sweep()
        reader.wake()
      }
      return { done: [], dropped: [] }
    },
    withdraw(owner) {
      owners.forget(owner)
      const withdrawn = writer.withdraw(owner)
      let count = 0
      for (const { events: part } of withdrawn) {
        count += part.count
        bytes -= part.body.length
      }
      events -= count
      return count
    },
    configure(next) {
      settings = next
    },
    totals(): QueueTotals {
      const pending = writer.totals()
      const [oldestBatch] = inFlight.keys()
      const times = [
        oldestBatch?.committedAt,
        reader.window.peek()?.committedAt,
        pending.oldest,
      ].filter((time) => time !== undefined)
      return {
        events,
        bytes,
        waitingEvents: events - inFlightEvents,
        waitingBytes: bytes - inFlightBytes,
        oldest: times.length === 0 ? undefined : Math.min(...times),
        memoryBytes: pending.bytes + reader.window.bytes + inFlightBytes,
        unsafeBytes: pending.bytes,
      }
    },
    problem: () =>
      trouble.problem() ??
      (unreadable === 0
        ? undefined
        : `${unreadable} files of the queue could not be read; the next start tries again`),
    usage: () => ({
      bytes: segments.bytes() + segments.condemnedBytes(),
      segments: segments.list().length,
      pendingEvents: writer.totals().events,
    }),
    async close() {
      await writer.close()
      await reader.close()
      if (events === 0) for (const segment of segments.list()) segments.condemn(segment)
      await segments.sweep()
      await keeper.close(acknowledged.state())
    },
  }
}
