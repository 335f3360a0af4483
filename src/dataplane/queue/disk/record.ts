/**
 * What stands in a segment file. Numbers are big-endian; sequence numbers and times are doubles, exact up to 2^53.
 *
 *   segment:  192 bytes of head, then records
 *     head    0 magic 8 · 8 marker 8 · 16 first sequence number 8 · 24 length of id 4 · 28 id … · 188 CRC-32 of all before
 *   record:   40 bytes of head, then the events
 *     head    0 marker 8 · 8 length 4 · 12 count 4 · 16 first 8 · 24 committed 8 · 32 CRC-32 of body · 36 CRC-32 of 0–35
 *
 * The marker is random and each segment's own, so that no event can hold what passes for a record.
 */
import { crc32 } from 'node:zlib'

export const segmentHead = 192
export const recordHead = 40

const magic = Buffer.from('LSLQ0001')
const idAt = 28
const crcAt = 188
const maxIdLength = 128

export interface RecordHead {
  /** Bytes and lines of the body. */
  length: number
  count: number
  /** Sequence number of the first event; the others follow without gap. */
  first: number
  /** Wall time, ms. */
  committedAt: number
}

export interface SegmentHead {
  senderId: string
  /** No record in it has a lower one. */
  first: number
}

/** Writes the head before a body that stands in `target` already, behind its place. */
export function writeRecordHead(
  target: Buffer,
  at: number,
  marker: Buffer,
  { length, count, first, committedAt }: RecordHead,
): void {
  marker.copy(target, at)
  target.writeUInt32BE(length, at + 8)
  target.writeUInt32BE(count, at + 12)
  target.writeDoubleBE(first, at + 16)
  target.writeDoubleBE(committedAt, at + 24)
  target.writeUInt32BE(crc32(target.subarray(at + recordHead, at + recordHead + length)), at + 32)
  target.writeUInt32BE(crc32(target.subarray(at, at + 36)), at + 36)
}

/** Undefined for anything that is no whole head. */
export function readRecordHead(from: Buffer, at: number, marker: Buffer): RecordHead | undefined {
  if (at + recordHead > from.length) return undefined
  if (from.compare(marker, 0, 8, at, at + 8) !== 0) return undefined
  if (from.readUInt32BE(at + 36) !== crc32(from.subarray(at, at + 36))) return undefined
  const head = {
    length: from.readUInt32BE(at + 8),
    count: from.readUInt32BE(at + 12),
    first: from.readDoubleBE(at + 16),
    committedAt: from.readDoubleBE(at + 24),
  }
  return head.length >= head.count && head.count > 0 && Number.isSafeInteger(head.first)
    ? head
    : undefined
}

/** `from` holds the whole body behind the head at `at`. */
export function hasWholeBody(from: Buffer, at: number, { length }: RecordHead): boolean {
  const body = from.subarray(at + recordHead, at + recordHead + length)
  return body.length === length && from.readUInt32BE(at + 32) === crc32(body)
}

export function writeSegmentHead(
  target: Buffer,
  marker: Buffer,
  { senderId, first }: SegmentHead,
): void {
  target.fill(0, 0, segmentHead)
  magic.copy(target)
  marker.copy(target, 8)
  target.writeDoubleBE(first, 16)
  target.writeUInt32BE(target.write(senderId, idAt, maxIdLength, 'latin1'), 24)
  target.writeUInt32BE(crc32(target.subarray(0, crcAt)), crcAt)
}

export function readSegmentHead(from: Buffer, marker: Buffer): SegmentHead | undefined {
  if (from.length < segmentHead || from.compare(magic, 0, 8, 0, 8) !== 0) return undefined
  if (from.compare(marker, 0, 8, 8, 16) !== 0) return undefined
  if (from.readUInt32BE(crcAt) !== crc32(from.subarray(0, crcAt))) return undefined
  const length = from.readUInt32BE(24)
  const first = from.readDoubleBE(16)
  return { senderId: from.toString('latin1', idAt, idAt + length), first }
}

const namePattern = /^(\d{12})-([0-9a-f]{16})\.log$/

/** The marker stands in the name too, so that records can be found again below a damaged head. */
export function segmentName(number: number, marker: Buffer): string {
  return `${String(number).padStart(12, '0')}-${marker.toString('hex')}.log`
}

/** Undefined for files that are not ours. */
export function parseSegmentName(name: string): { number: number; marker: Buffer } | undefined {
  const match = namePattern.exec(name)
  if (match === null) return undefined
  return { number: Number(match[1]), marker: Buffer.from(String(match[2]), 'hex') }
}
