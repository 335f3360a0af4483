/** Records of a segment, one after the other; past what is damaged it goes on at the next record that is whole. */
import type { DiskFile } from '../../disk/disk.ts'
import { hasWholeBody, readRecordHead, recordHead, type RecordHead } from './record.ts'

export interface FoundRecord extends RecordHead {
  /** Where it begins and ends in the file. */
  at: number
  end: number
  body: Buffer
}

/** Bytes that belong to no whole record. */
export interface Damage {
  at: number
  end: number
}

export interface Stretch {
  records: FoundRecord[]
  damages: Damage[]
  /** Where to read on; the end that was given when there is no more. */
  next: number
}

/** Enough that a read costs little beside what it brings. */
const stretchBytes = 512 * 1024

/** Reads one stretch from `at` on, at least one record or one damaged part; nothing at or behind `end` is looked at. */
export async function readStretch(
  file: DiskFile,
  marker: Buffer,
  at: number,
  end: number,
): Promise<Stretch> {
  for (let size = stretchBytes; ; ) {
    const length = Math.min(size, end - at)
    const bytes = await file.read(at, length)
    // A file that is shorter than it was: what is not there is damaged as well.
    const isAll = at + bytes.length >= end || bytes.length < length
    const parsed = parse(bytes, at, marker, end, isAll)
    if ('needs' in parsed) {
      size = parsed.needs
      continue
    }
    if (isAll && bytes.length < length) {
      addDamage(parsed.damages, { at: at + bytes.length, end })
      return { ...parsed, next: end }
    }
    return parsed
  }
}

function parse(
  bytes: Buffer,
  base: number,
  marker: Buffer,
  end: number,
  isAll: boolean,
): Stretch | { needs: number } {
  const records: FoundRecord[] = []
  const damages: Damage[] = []
  let at = 0
  while (at < bytes.length) {
    const record = recordAt(bytes, at, marker, end - base)
    if (record === 'more' && !isAll) {
      if (at > 0) break
      const head = readRecordHead(bytes, at, marker)
      return { needs: head === undefined ? bytes.length + stretchBytes : recordHead + head.length }
    }
    if (typeof record === 'object') {
      const next = at + recordHead + record.length
      const body = bytes.subarray(at + recordHead, next)
      records.push({ ...record, at: base + at, end: base + next, body })
      at = next
      continue
    }
    const next = nextMarker(bytes, at + 1, marker, isAll)
    addDamage(damages, { at: base + at, end: base + next })
    at = next
  }
  return { records, damages, next: base + at }
}

/** `more`: what is here does not tell. */
function recordAt(
  bytes: Buffer,
  at: number,
  marker: Buffer,
  end: number,
): RecordHead | 'more' | 'none' {
  if (at + recordHead > bytes.length) {
    const begun = Math.min(8, bytes.length - at)
    return bytes.compare(marker, 0, begun, at, at + begun) === 0 ? 'more' : 'none'
  }
  const head = readRecordHead(bytes, at, marker)
  if (head === undefined || at + recordHead + head.length > end) return 'none'
  if (at + recordHead + head.length > bytes.length) return 'more'
  return hasWholeBody(bytes, at, head) ? head : 'none'
}

/** Where a marker begins, or may begin when its end has not been read. */
function nextMarker(bytes: Buffer, from: number, marker: Buffer, isAll: boolean): number {
  const found = bytes.indexOf(marker, from)
  if (found !== -1) return found
  return isAll ? bytes.length : Math.max(from, bytes.length - marker.length + 1)
}

function addDamage(damages: Damage[], added: Damage): void {
  const last = damages.at(-1)
  if (last !== undefined && last.end === added.at) last.end = added.end
  else damages.push({ ...added })
}
