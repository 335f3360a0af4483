/**
 * What an earlier life left → the segments, their events that are not acknowledged, and who sent them.
 *
 * | at the end of a segment, or within it        | what becomes of it                                  |
 * |----------------------------------------------|-----------------------------------------------------|
 * | a record that was cut short, or only zeros   | a torn write: nobody was told of it, so it is cut   |
 * | anything else that is no whole record        | set aside and counted; the records behind it are taken |
 * | a file that cannot be read after some tries  | left for the next life, and counted; the others are taken |
 */
import { join } from 'node:path/posix'
import { messageOf } from '../../../errors.ts'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import {
  decodeAcknowledged,
  isSyncedPlace,
  leftOf,
  placeBytes,
  places,
  type AcknowledgedState,
} from './acknowledged.ts'
import {
  parseSegmentName,
  readRecordHead,
  readSegmentHead,
  recordHead,
  segmentHead,
} from './record.ts'
import { readStretch, type Damage, type FoundRecord } from './scan.ts'
import type { Segment } from './segments.ts'
import type { SetAside } from './set-aside.ts'
import { syncFound } from './sync-found.ts'
import type { QueueLog } from './trouble.ts'

export interface Recovered {
  /** In order. */
  segments: Segment[]
  /** Undefined when no segment tells it, or two tell different ones: then a new one is due. */
  senderId: string | undefined
  acknowledged: AcknowledgedState
  /** The highest of the places that hold the acknowledgements. */
  turn: number
  /** Of the synced ones, the place that was written last. */
  syncedPlace: number | undefined
  /** The highest number of a file, also of one that could not be read: a new one of its number could come before it. */
  lastNumber: number
  /** Files that tell no sequence number: each may be of a life of its own, with numbers that were not seen. */
  hidden: number
  /** Higher than any sequence number that was seen. */
  next: number
  bytes: number
  /** From these sequence numbers on something could not be read: it must not come to pass for acknowledged. */
  unread: number[]
}

export interface RecoverDeps {
  directory: string
  disk: Disk
  time: Time
  setAside: SetAside
  log: QueueLog
  /** A file could not be read at all. */
  onUnreadable(this: void): void
}

export const acknowledgedName = 'acknowledged'

interface Head {
  segment: Segment
  senderId: string | undefined
  first: number
  isUnread?: boolean
}

/** Rejects when the folder itself cannot be read. */
export async function recover(deps: RecoverDeps): Promise<Recovered> {
  const { directory, disk } = deps
  const names = await disk.list(directory)
  const heads: Head[] = []
  for (const name of names) {
    const parsed = parseSegmentName(name)
    if (parsed === undefined) continue
    const segment: Segment = {
      ...parsed,
      path: join(directory, name),
      size: 0,
      end: segmentHead,
      readTo: segmentHead,
      left: 0,
      inFlight: 0,
      unread: 0,
      unreadBytes: 0,
      sealed: true,
      condemned: false,
      unreadable: false,
    }
    const head = await withFile(deps, segment, (file) => headOf(segment, file))
    heads.push(head ?? { segment, senderId: undefined, first: 0, isUnread: true })
  }
  heads.sort((a, b) => a.segment.number - b.segment.number || a.first - b.first)
  const ids = new Set(heads.flatMap(({ senderId }) => senderId ?? []))
  const senderId = ids.size === 1 ? [...ids][0] : undefined
  const acknowledged = await readAcknowledged(deps, senderId)
  const recovered: Recovered = {
    segments: [],
    senderId,
    acknowledged: acknowledged?.state ?? { below: 0, ranges: [] },
    turn: acknowledged?.turn ?? 0,
    syncedPlace: acknowledged?.syncedPlace,
    lastNumber: Math.max(0, ...heads.map(({ segment }) => segment.number)),
    hidden: heads.filter((head) => head.senderId === undefined).length,
    next: Math.max(0, ...heads.map(({ first }) => first)),
    bytes: 0,
    unread: [],
  }
  const { below, ranges } = recovered.acknowledged
  recovered.next = Math.max(recovered.next, below, (ranges.at(-1)?.last ?? -1) + 1)
  let from = below
  for (const { segment, isUnread } of heads) {
    const last = isUnread
      ? undefined
      : await withFile(deps, segment, (file) => count(deps, segment, file, recovered))
    if (last === undefined) recovered.unread.push(from)
    else {
      recovered.segments.push(segment)
      recovered.bytes += segment.unreadBytes
      from = Math.max(from, last + 1)
    }
  }
  if (recovered.bytes > 0) await syncFound(deps.log, directory, () => disk.syncFolder(directory))
  return recovered
}

async function headOf(segment: Segment, file: DiskFile): Promise<Head> {
  segment.size = await file.size()
  const head = readSegmentHead(await file.read(0, segmentHead), segment.marker)
  return { segment, senderId: head?.senderId, first: head?.first ?? 0 }
}

/** Takes the measure of a segment, cuts or sets aside what is no record, and answers with the last sequence number. */
async function count(
  deps: RecoverDeps,
  segment: Segment,
  file: DiskFile,
  recovered: Recovered,
): Promise<number> {
  const damages: Damage[] = []
  let at = segmentHead
  let last = -1
  // Another try begins anew.
  segment.end = segmentHead
  segment.left = 0
  segment.unreadBytes = 0
  while (at < segment.size) {
    const stretch = await readStretch(file, segment.marker, at, segment.size)
    for (const record of stretch.records) {
      const runs = leftOf(record, recovered.acknowledged)
      for (const [from, until] of runs) segment.left += until - from
      segment.unreadBytes += bytesOf(record, runs)
      last = record.first + record.count - 1
      recovered.next = Math.max(recovered.next, last + 1)
      segment.end = record.end
    }
    damages.push(...stretch.damages)
    at = stretch.next
  }
  segment.unread = segment.left
  for (const damage of joined(damages)) {
    const isLast = damage.end >= segment.size
    const isTorn = isLast && (await wasTorn(file, segment, damage))
    if (!isTorn) await deps.setAside.keep(segment, file, damage)
  }
  if (segment.size > segment.end) await cutBack(deps, segment, file)
  if (segment.left > 0) await syncFound(deps.log, segment.path, () => file.sync())
  return last
}

/** Bytes of the events at these indexes. */
function bytesOf({ body, count }: FoundRecord, runs: readonly [number, number][]): number {
  const [run] = runs
  if (run === undefined) return 0
  if (runs.length === 1 && run[0] === 0 && run[1] === count) return body.length
  return runs.reduce((sum, [from, until]) => sum + sliceLines(body, from, until).length, 0)
}

/** The lines with these indexes: [from, until). */
export function sliceLines(body: Buffer, from: number, until: number): Buffer {
  let start = 0
  for (let index = 0; index < from; index += 1) start = body.indexOf(0x0a, start) + 1
  let end = start
  for (let index = from; index < until; index += 1) end = body.indexOf(0x0a, end) + 1
  return body.subarray(start, end)
}

function joined(damages: readonly Damage[]): Damage[] {
  const result: Damage[] = []
  for (const damage of damages) {
    const last = result.at(-1)
    if (last !== undefined && last.end === damage.at) last.end = damage.end
    else result.push({ ...damage })
  }
  return result
}

async function wasTorn(file: DiskFile, segment: Segment, { at, end }: Damage): Promise<boolean> {
  const head = await file.read(at, Math.min(recordHead, end - at))
  if (head.length < recordHead) return true
  const record = readRecordHead(head, 0, segment.marker)
  if (record !== undefined) return at + recordHead + record.length > end
  for (let from = at; from < end; from += 65_536) {
    const piece = await file.read(from, Math.min(65_536, end - from))
    if (piece.some((byte) => byte !== 0)) return false
  }
  return true
}

async function cutBack({ log }: RecoverDeps, segment: Segment, file: DiskFile): Promise<void> {
  try {
    await file.truncate(segment.end)
    log.info(
      { segment: segment.path, bytes: segment.size - segment.end },
      'The end of an interrupted write was cut from the queue',
    )
    segment.size = segment.end
  } catch (error) {
    log.warn({ problem: messageOf(error), segment: segment.path }, 'A torn end cannot be cut')
  }
}

/** Waits before each try, ms: a disk that comes and goes is given a moment. */
const tries = [0, 200, 1_000]

/** Undefined when the file cannot be read: then the log goes on without it, and the next life tries again. */
async function withFile<T>(
  { disk, time, log, onUnreadable }: RecoverDeps,
  segment: Segment,
  use: (file: DiskFile) => Promise<T>,
): Promise<T | undefined> {
  let problem: unknown
  for (const wait of tries) {
    if (wait > 0) await time.sleep(wait)
    try {
      const file = await disk.open(segment.path, 'existing')
      try {
        return await use(file)
      } finally {
        await file.close()
      }
    } catch (error) {
      problem = error
    }
  }
  onUnreadable()
  log.error(
    { problem: messageOf(problem), segment: segment.path },
    'A file of the queue cannot be read: it stays for the next start, the rest goes on',
  )
  return undefined
}

async function readAcknowledged(
  { directory, disk, log }: RecoverDeps,
  senderId: string | undefined,
): Promise<(Pick<Recovered, 'turn' | 'syncedPlace'> & { state: AcknowledgedState }) | undefined> {
  if (senderId === undefined) return undefined
  try {
    const file = await disk.open(join(directory, acknowledgedName), 'existing')
    try {
      const bytes = await file.read(0, places.length * placeBytes)
      const found = places.flatMap((place) => {
        const at = place * placeBytes
        const content = decodeAcknowledged(senderId, bytes.subarray(at, at + placeBytes))
        return content === undefined ? [] : [{ ...content, place }]
      })
      const newest = found.toSorted((a, b) => b.turn - a.turn)
      const syncedPlace = newest.find(({ place }) => isSyncedPlace(place))?.place
      return newest[0] && { ...newest[0], syncedPlace }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    log.warn(
      { problem: messageOf(error) },
      'It cannot be read what was delivered: it will be sent again',
    )
    return undefined
  }
}
