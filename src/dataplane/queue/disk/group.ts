/** Commits that are written in one go → records in one buffer. */
import type { Events } from '../../wire/events.ts'
import { recordHead, writeRecordHead } from './record.ts'
import type { Segment } from './segments.ts'

export interface Pending<Owner> {
  events: Events
  owner: Owner | undefined
  /** Monotonic, ms. */
  committedAt: number
}

/** A record that is on the disk. */
export interface Written {
  segment: Segment
  /** Where it ends in the file. */
  end: number
  first: number
  events: Events
  committedAt: number
}

export interface Place {
  segment: Segment
  buffer: Buffer
  /** Where the first record begins in the buffer. */
  from: number
  /** Sequence number of the first event. */
  first: number
  /** Monotonic → wall time, ms. */
  wallOf: (mono: number) => number
}

/** A record is the least that damage takes with it. */
const mostRecordBytes = 256 * 1024

/** Small neighbours become one record. Ends are those in the buffer. */
export function encodeGroup(
  group: readonly Pending<unknown>[],
  { segment, buffer, from, first, wallOf }: Place,
): { records: Written[]; end: number } {
  const records: Written[] = []
  let next = first
  let at = from
  for (let index = 0; index < group.length; ) {
    const committedAt = group[index]?.committedAt ?? 0
    const bodyAt = at + recordHead
    let end = bodyAt
    let count = 0
    for (; index < group.length; index += 1) {
      const each = group[index]
      if (each === undefined) break
      const { body, count: added } = each.events
      if (count > 0 && end - bodyAt + body.length > mostRecordBytes) break
      body.copy(buffer, end)
      end += body.length
      count += added
    }
    const head = { length: end - bodyAt, count, first: next, committedAt: wallOf(committedAt) }
    writeRecordHead(buffer, at, segment.marker, head)
    const events = { body: buffer.subarray(bodyAt, end), count }
    records.push({ segment, end, first: next, events, committedAt })
    next += count
    at = end
  }
  return { records, end: at }
}
