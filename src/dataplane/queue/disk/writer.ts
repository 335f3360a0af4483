/**
 * What was committed → the disk, in groups: one write and one sync are under way, all that comes meanwhile goes with the
 * next. After a failure the file is not trusted any more (a second sync may answer well for bytes that are gone): the group
 * is written again into a new one, under new sequence numbers, as the old ones may stand on the disk.
 */
import { messageOf } from '../../../errors.ts'
import type { DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import { splitEvents } from '../../wire/events.ts'
import { encodeGroup, type Pending, type Written } from './group.ts'
import { recordHead, segmentHead, writeSegmentHead } from './record.ts'
import type { Segment, Segments } from './segments.ts'
import type { QueueLog, Trouble } from './trouble.ts'

export interface WriterDeps<Owner> {
  segments: Segments
  time: Time
  trouble: Trouble
  log: QueueLog
  senderId: string
  /** The first sequence number of this life. */
  next: number
  /** Bytes after which a segment is full. */
  segmentBytes: () => number
  /** Bytes of files that there may be before something is written. */
  fileLimit: () => number
  /** All of a group is on the disk. */
  written(records: readonly Written[], group: readonly Pending<Owner>[], syncMs: number): void
  /** The disk refused a group. */
  refused(): void
}

export interface Writer<Owner> {
  push(pending: Pending<Owner>): void
  /** Gives up what no write has begun with, and answers with it. */
  withdraw(owner: Owner): Pending<Owner>[]
  /** Events that are not on the disk, their bytes, and what they will take there at most. */
  totals(): { events: number; bytes: number; charge: number; oldest: number | undefined }
  /** What is being written to now. */
  target(): Segment | undefined
  /** Seals the last segment unless it is being written to. */
  seal(): void
  /** Resolves once nothing is pending, or the disk refuses it or has no space for it, or a try that is under way has ended. Nothing is begun later. */
  close(): Promise<void>
}

/** A group is written from one buffer. */
const mostGroupBytes = 4 * 2 ** 20

export function createWriter<Owner>(deps: WriterDeps<Owner>): Writer<Owner> {
  const { segments, time, trouble, log, senderId } = deps
  const closing = new AbortController()
  let pending: Pending<Owner>[] = []
  let writing: Pending<Owner>[] = []
  let events = 0
  let bytes = 0
  let charge = 0
  let next = deps.next
  /** What records are appended to. */
  let open: { segment: Segment; file: DiskFile } | undefined
  let target: Segment | undefined
  let draining = false
  /** Files that nobody can remove leave no space for what is pending. */
  let isBlocked = false
  let running: Promise<void> | undefined

  function count(each: readonly Pending<Owner>[], sign: 1 | -1): void {
    for (const { events: part } of each) {
      events += sign * part.count
      bytes += sign * part.body.length
      charge += sign * (part.body.length + recordHead)
    }
  }

  function takeGroup(): Pending<Owner>[] {
    const most = Math.min(mostGroupBytes, deps.segmentBytes())
    const group: Pending<Owner>[] = []
    let size = 0
    let taken = 0
    for (const each of pending) {
      const room = most - size
      if (each.events.body.length + recordHead <= room) {
        group.push(each)
        size += each.events.body.length + recordHead
        taken += 1
        continue
      }
      if (group.length > 0) break
      const [head, rest] = splitEvents(each.events, each.events.count, room - recordHead)
      group.push({ ...each, events: head })
      taken += 1
      if (rest) {
        pending[0] = { ...each, events: rest }
        // Counted as it is cut: the second part has a head of its own.
        charge += recordHead
        taken = 0
      }
      break
    }
    pending = pending.slice(taken)
    return group
  }

  async function run(): Promise<void> {
    while (pending.length > 0 && !closing.signal.aborted) {
      if (!(await hasSpace())) continue
      writing = takeGroup()
      // All of it was withdrawn meanwhile.
      if (writing.length === 0) break
      try {
        const began = time.now()
        const { records, syncMs } = await write(writing, began)
        const group = writing
        writing = []
        target = undefined
        count(group, -1)
        trouble.well('write')
        deps.written(records, group, syncMs)
      } catch (error) {
        pending = [...writing, ...pending]
        writing = []
        const wait = trouble.hit('write', error)
        await abandon()
        target = undefined
        deps.refused()
        if (draining) closing.abort()
        await time.sleep(wait, closing.signal)
      }
    }
  }

  /** What was dropped or delivered gives its space back before more is taken. */
  async function hasSpace(): Promise<boolean> {
    if (segments.condemnedBytes() === 0) return true
    await segments.sweep()
    if (segments.bytes() + segments.condemnedBytes() + charge <= deps.fileLimit()) return true
    if (segments.condemnedBytes() === 0) return true
    if (draining) closing.abort()
    isBlocked = true
    await time.sleep(1_000, closing.signal)
    isBlocked = false
    return false
  }

  async function write(
    group: readonly Pending<Owner>[],
    now: number,
  ): Promise<{ records: Written[]; syncMs: number }> {
    const size = group.reduce((sum, { events: { body } }) => sum + body.length + recordHead, 0)
    if (open && (open.segment.sealed || open.segment.size + size > deps.segmentBytes())) {
      await sealOpen()
    }
    const isNew = open === undefined
    const segment = open?.segment ?? segments.add()
    target = segment
    const offset = isNew ? segmentHead : 0
    const buffer = Buffer.allocUnsafeSlow(size + offset)
    if (isNew) writeSegmentHead(buffer, segment.marker, { senderId, first: next })
    const wall = time.date().getTime()
    const { records, end } = encodeGroup(group, {
      ...{ segment, buffer, from: offset, first: next },
      wallOf: (mono) => wall - (now - mono),
    })
    next += group.reduce((sum, each) => sum + each.events.count, 0)
    const at = segment.size
    for (const record of records) record.end += at
    open ??= { segment, file: await segments.create(segment) }
    // Any part of it may be there if the write fails.
    segment.size = at + end
    await open.file.write(at, buffer.subarray(0, end))
    const syncFrom = time.now()
    await open.file.sync()
    if (isNew) await segments.syncFolder()
    return { records, syncMs: time.now() - syncFrom }
  }

  async function sealOpen(): Promise<void> {
    if (open === undefined) return
    open.segment.sealed = true
    segments.settle(open.segment)
    await letGo()
  }

  async function letGo(): Promise<void> {
    const old = open?.file
    open = undefined
    await old?.close().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'A file of the queue cannot be closed')
    })
  }

  /** Brings the file back to what is known to be on the disk, as far as the disk lets us. */
  async function abandon(): Promise<void> {
    const segment = target
    if (segment === undefined) return
    if (segment.end === segmentHead) {
      await letGo()
      segments.condemn(segment)
      await segments.sweep()
      return
    }
    try {
      await open?.file.truncate(segment.end)
      segment.size = segment.end
    } catch (error) {
      log.warn(
        { problem: messageOf(error), segment: segment.path },
        'An unfinished write cannot be cut: after a restart its events may be sent twice',
      )
    }
    await letGo()
    segment.sealed = true
    segments.settle(segment)
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined
      // What was pushed since the last look would wait for the next push, which may never come.
      if (pending.length > 0 && !closing.signal.aborted) start()
    })
  }

  async function idle(): Promise<void> {
    await running
    if (running !== undefined) await idle()
  }

  return {
    push(each) {
      pending.push(each)
      count([each], 1)
      if (!closing.signal.aborted) start()
    },
    withdraw(owner) {
      const withdrawn = pending.filter((each) => each.owner === owner)
      pending = pending.filter((each) => each.owner !== owner)
      count(withdrawn, -1)
      return withdrawn
    },
    totals: () => ({
      events,
      bytes,
      charge,
      oldest: (writing[0] ?? pending[0])?.committedAt,
    }),
    target: () => target,
    seal() {
      if (open === undefined || open.segment === target) return
      open.segment.sealed = true
      segments.settle(open.segment)
    },
    async close() {
      draining = true
      if (trouble.has('write') || isBlocked) closing.abort()
      await idle()
      closing.abort()
      await letGo()
    },
  }
}
