/**
 * The files of the log, the oldest first. Records are appended to the last one; a file is removed as a whole once all of it
 * is acknowledged, and so the space comes back.
 *
 *   open ──full, failed──▶ sealed ──nothing left──▶ condemned ──removed, folder synced──▶ gone
 *     └─────────cannot be read─────────▶ left for the next life
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path/posix'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import { unlessAbsent } from './absent.ts'
import { segmentHead, segmentName } from './record.ts'
import type { Trouble } from './trouble.ts'

export interface Segment {
  readonly number: number
  readonly path: string
  readonly marker: Buffer
  /** Bytes of the file, as far as a failed write lets us know. */
  size: number
  /** Whole records that are on the disk end here. */
  end: number
  /** Of these records, all below were taken into memory. */
  readTo: number
  /** Events that are neither acknowledged nor dropped, and those of them that are at hosts. */
  left: number
  inFlight: number
  /** Events, and their bytes, that wait on the disk alone. */
  unread: number
  unreadBytes: number
  sealed: boolean
  condemned: boolean
  /** It cannot be read any more: its file stays for the next life. */
  unreadable: boolean
}

export interface Segments {
  /** Without the condemned ones. */
  list(): readonly Segment[]
  /** Bytes of these. */
  bytes(): number
  /** Bytes of files that are still to be removed. */
  condemnedBytes(): number
  adopt(segment: Segment): void
  /** A new last one, whose file is made by `create`. */
  add(): Segment
  create(segment: Segment): Promise<DiskFile>
  syncFolder(): Promise<void>
  /** Removes it soon when nothing of it is left. */
  settle(segment: Segment): void
  condemn(segment: Segment): void
  /** Takes it from the list; its file is not removed. */
  leave(segment: Segment): void
  /** One try at removing what is condemned. Never rejects. */
  sweep(): Promise<void>
}

export interface SegmentsDeps {
  directory: string
  disk: Disk
  trouble: Trouble
  newId: () => string
  /** The highest number that a file bears already. */
  lastNumber: number
  /**
   * Makes what is acknowledged last through a loss of power: else the next life would give the numbers of events that went
   * with their file to other events, which receivers would take for those. Never rejects.
   */
  beforeRemoval(this: void): Promise<void>
}

export function createSegments(deps: SegmentsDeps): Segments {
  const { directory, disk, trouble, newId, beforeRemoval } = deps
  let live: Segment[] = []
  let condemned: Segment[] = []
  let { lastNumber } = deps
  let sweeping: Promise<void> = Promise.resolve()

  function condemn(segment: Segment): void {
    if (segment.condemned || segment.unreadable) return
    segment.sealed = true
    segment.condemned = true
    live = live.filter((each) => each !== segment)
    condemned.push(segment)
  }

  async function sweep(): Promise<void> {
    if (condemned.length === 0) return
    // Of a file without records no number was ever used.
    if (condemned.some(({ end }) => end > segmentHead)) await beforeRemoval()
    const gone: Segment[] = []
    try {
      for (const segment of condemned) {
        await disk.remove(segment.path).catch(unlessAbsent)
        gone.push(segment)
      }
      // Else a name could come back after a loss of power, beside a log that knows nothing of it.
      await disk.syncFolder(directory)
      condemned = condemned.filter((each) => !gone.includes(each))
      trouble.well('remove')
    } catch (error) {
      trouble.hit('remove', error)
    }
  }

  return {
    list: () => live,
    bytes: () => live.reduce((sum, { size }) => sum + size, 0),
    condemnedBytes: () => condemned.reduce((sum, { size }) => sum + size, 0),
    adopt(segment) {
      live.push(segment)
    },
    add() {
      lastNumber += 1
      const marker = createHash('sha256').update(newId()).digest().subarray(0, 8)
      const segment: Segment = {
        number: lastNumber,
        path: join(directory, segmentName(lastNumber, marker)),
        marker,
        size: 0,
        end: segmentHead,
        readTo: segmentHead,
        left: 0,
        inFlight: 0,
        unread: 0,
        unreadBytes: 0,
        sealed: false,
        condemned: false,
        unreadable: false,
      }
      live.push(segment)
      return segment
    },
    create: (segment) => disk.open(segment.path, 'create'),
    syncFolder: () => disk.syncFolder(directory),
    settle(segment) {
      if (segment.sealed && segment.left === 0) condemn(segment)
    },
    condemn,
    leave(segment) {
      segment.sealed = true
      segment.unreadable = true
      live = live.filter((each) => each !== segment)
    },
    sweep() {
      sweeping = sweeping.then(sweep)
      return sweeping
    },
  }
}
