/**
 * Durable events → a window of them in memory, in order. What has just been written goes straight into the window while
 * that has room and nothing older waits on the disk; else it is read again when its turn comes.
 */
import { messageOf } from '../../../errors.ts'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import { createWaiting, type Chunk, type Waiting } from '../waiting.ts'
import { leftOf, type AcknowledgedState } from './acknowledged.ts'
import { sliceLines } from './recover.ts'
import { readStretch, type FoundRecord, type Stretch } from './scan.ts'
import type { Segment, Segments } from './segments.ts'
import type { SetAside } from './set-aside.ts'
import type { QueueLog, Trouble } from './trouble.ts'
import type { Written } from './group.ts'

export interface DurableChunk extends Chunk {
  readonly segment: Segment
  /** Sequence number of its first event. */
  readonly first: number
}

export interface ReaderDeps {
  disk: Disk
  time: Time
  segments: Segments
  trouble: Trouble
  setAside: SetAside
  log: QueueLog
  /** What earlier lives delivered already. */
  acknowledged: AcknowledgedState
  /** May more come into the window? */
  hasRoom: () => boolean
  /** The window grew. */
  filled(): void
  /** Events that were counted and are not there. */
  lost(events: number, bytes: number): void
  /** A file cannot be read any more: these events wait there for the next life, with sequence numbers from `from` on. */
  unreadable(from: number, events: number, bytes: number): void
}

export interface Reader {
  window: Waiting<DurableChunk>
  written(records: readonly Written[]): void
  /** There may be room, or less to read. */
  wake(): void
  close(): Promise<void>
}

/** Tries at one file, about 11 s in all by their waits: what lies behind it waits no longer. */
const mostTries = 8

export function createReader(deps: ReaderDeps): Reader {
  const { disk, time, segments, trouble, setAside, log } = deps
  const closing = new AbortController()
  const window = createWaiting<DurableChunk>({
    part: (chunk, events, skipped) => ({ ...chunk, events, first: chunk.first + skipped }),
    follows: (before, next) => before.first + before.events.count === next.first,
  })
  let open: { segment: Segment; file: DiskFile } | undefined
  let running: Promise<void> | undefined
  /** All below was taken into memory, or lies in files that were left. */
  let takenTo = deps.acknowledged.below
  let failed: { segment: Segment; tries: number } | undefined

  function hasUnread(): boolean {
    return segments.list().some(({ unread }) => unread > 0)
  }

  /** The segment to read from; those that are read to their end are passed. */
  function nextSegment(): Segment | undefined {
    for (const segment of segments.list()) {
      if (segment.unread === 0) continue
      if (segment.readTo < segment.end) return segment
      const { unread, unreadBytes } = segment
      segment.unread = 0
      segment.unreadBytes = 0
      segment.left -= unread
      log.error({ events: unread, segment: segment.path }, 'Events of the queue are lost by damage')
      deps.lost(unread, unreadBytes)
      segments.settle(segment)
    }
    return undefined
  }

  async function fileOf(segment: Segment): Promise<DiskFile> {
    if (open?.segment === segment) return open.file
    await letGo()
    const file = await disk.open(segment.path, 'existing')
    open = { segment, file }
    return file
  }

  async function letGo(): Promise<void> {
    const old = open?.file
    open = undefined
    await old?.close().catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'A file of the queue cannot be closed')
    })
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted && deps.hasRoom()) {
      const segment = nextSegment()
      if (segment === undefined) break
      try {
        const file = await fileOf(segment)
        const stretch = await readStretch(file, segment.marker, segment.readTo, segment.end)
        for (const damage of stretch.damages) await setAside.keep(segment, file, damage)
        trouble.well('read')
        failed = undefined
        if (!segment.condemned) take(segment, stretch)
      } catch (error) {
        await letGo()
        // Its file went while it was read.
        if (segment.condemned) continue
        const wait = trouble.hit('read', error)
        const tries = failed?.segment === segment ? failed.tries + 1 : 1
        failed = { segment, tries }
        if (tries < mostTries) await time.sleep(wait, closing.signal)
        else leave(segment, error)
      }
    }
    await letGo()
  }

  function leave(segment: Segment, error: unknown): void {
    const { unread, unreadBytes } = segment
    log.error(
      { problem: messageOf(error), segment: segment.path, events: unread },
      'A file of the queue cannot be read any more: it stays for the next start, the rest goes on',
    )
    segments.leave(segment)
    segment.unread = 0
    segment.unreadBytes = 0
    segment.left -= unread
    deps.unreadable(takenTo, unread, unreadBytes)
  }

  function take(segment: Segment, { records, next }: Stretch): void {
    for (const record of records) {
      for (const events of remainsOf(record)) push(segment, record, events)
    }
    segment.readTo = next
    deps.filled()
  }

  function push(
    segment: Segment,
    { first, committedAt }: FoundRecord,
    { skipped, body, count }: { skipped: number; body: Buffer; count: number },
  ): void {
    takenTo = first + skipped + count
    const age = Math.max(0, time.date().getTime() - committedAt)
    window.push({
      segment,
      first: first + skipped,
      events: { body, count },
      committedAt: time.now() - age,
    })
    segment.unread -= count
    segment.unreadBytes -= body.length
  }

  /** What of a record earlier lives did not deliver. */
  function remainsOf(record: FoundRecord): { skipped: number; body: Buffer; count: number }[] {
    return leftOf(record, deps.acknowledged).map(([from, until]) => ({
      skipped: from,
      body:
        from === 0 && until === record.count ? record.body : sliceLines(record.body, from, until),
      count: until - from,
    }))
  }

  function wake(): void {
    if (running !== undefined || closing.signal.aborted) return
    if (!deps.hasRoom() || !hasUnread()) return
    running = run().finally(() => {
      running = undefined
      wake()
    })
  }

  return {
    window,
    written(records) {
      let direct = running === undefined && !hasUnread()
      for (const { segment, first, end, events, committedAt } of records) {
        // What is written to a file that was left is read by nobody.
        direct = segment.unreadable || (direct && deps.hasRoom())
        segment.end = end
        segment.left += events.count
        if (direct) {
          segment.readTo = end
          takenTo = first + events.count
          window.push({ segment, first, events, committedAt })
          continue
        }
        segment.unread += events.count
        segment.unreadBytes += events.body.length
      }
      wake()
    },
    wake,
    async close() {
      closing.abort()
      await running
      await letGo()
    },
  }
}
