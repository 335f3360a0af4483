/**
 * Damages the files of a dead sender's queue, and says which events that may cost. It reads the files with no code of the
 * queue: a segment's name holds its marker, a record begins with it (after the segment's head), events stand in it as they
 * are (docs/adr/0011).
 */
import { globSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventIdOf, type EventId } from './events.ts'

/** Of a segment, in which no record begins. */
const segmentHead = 192
const recordHead = 40

interface Segment {
  bytes: Buffer
  /** Where its records begin. */
  records: number[]
}

/**
 * Cuts the last segment, in the middle of a record: a cut between two is no damage that anyone could see.
 * @returns the events of the records that were cut; undefined when there was nothing to cut
 */
export function tearQueue(directory: string, seed: number, bytes: number): EventId[] | undefined {
  const path = segmentsOf(directory).at(-1)
  if (path === undefined) return undefined
  const segment = readSegment(path)
  const first = segment.records[0]
  const { length } = segment.bytes
  if (first === undefined) return undefined
  let keep = Math.max(first + 1, length - bytes)
  if (segment.records.includes(keep)) keep += 1
  if (keep >= length) return undefined
  truncateSync(path, keep)
  return eventsWithin(segment, keep, length, seed)
}

/**
 * Flips one bit, anywhere in the files of the queue; `where` is a part of all their bytes, in [0, 1).
 * @returns the events of the record that holds it, none outside of records; undefined when there are no files
 */
export function flipBit(
  directory: string,
  seed: number,
  { where, bit }: { where: number; bit: number },
): { path: string; at: number; events: EventId[] } | undefined {
  const files = [...segmentsOf(directory), ...globSync(join(directory, '**/acknowledged'))]
  const sizes = files.map((path) => statSync(path).size)
  let at = Math.floor(where * sizes.reduce((sum, size) => sum + size, 0))
  for (const [index, path] of files.entries()) {
    const size = sizes[index] ?? 0
    if (at >= size) {
      at -= size
      continue
    }
    const bytes = readFileSync(path)
    const isSegment = path.endsWith('.log')
    const events = isSegment ? eventsWithin(readSegment(path), at, at + 1, seed) : []
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    writeFileSync(path, bytes)
    return { path, at, events }
  }
  return undefined
}

/** In the order in which they were written. */
function segmentsOf(directory: string): string[] {
  return globSync(join(directory, '**/*-????????????????.log')).toSorted()
}

function readSegment(path: string): Segment {
  const bytes = readFileSync(path)
  const marker = Buffer.from(/-([0-9a-f]{16})\.log$/.exec(path)?.[1] ?? '', 'hex')
  const records: number[] = []
  let at = marker.length === 0 ? -1 : bytes.indexOf(marker, segmentHead)
  for (; at !== -1; at = bytes.indexOf(marker, at + recordHead)) records.push(at)
  return { bytes, records }
}

/** Of the records that overlap [from, to). */
function eventsWithin(
  { bytes, records }: Segment,
  from: number,
  to: number,
  seed: number,
): EventId[] {
  return records.flatMap((begin, index) => {
    const end = records[index + 1] ?? bytes.length
    if (end <= from || begin >= to) return []
    const lines = bytes.toString('utf8', begin + recordHead, end).split('\n')
    return lines.flatMap((line) => eventIdOf(seed, line) ?? [])
  })
}
