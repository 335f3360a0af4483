import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import {
  recordHead,
  segmentHead,
  segmentName,
  writeRecordHead,
  writeSegmentHead,
} from '../../src/dataplane/queue/disk/record.ts'
import { testFolder } from '../support/certificates.ts'
import { flipBit, tearQueue } from './damage.ts'
import { eventLine } from './events.ts'

const seed = 3

/** A slot whose one segment has a record for each list of numbers. */
function queueWith(t: TestContext, records: readonly (readonly number[])[]) {
  const directory = testFolder(t).path('queue')
  const slot = join(directory, 'slot-0')
  mkdirSync(slot, { recursive: true })
  const marker = Buffer.from('0123456789abcdef', 'hex')
  const head = Buffer.alloc(segmentHead)
  writeSegmentHead(head, marker, { senderId: 'sender', first: 0 })
  const parts = records.map((seqs) => {
    const body = Buffer.from(seqs.map((seq) => `${eventLine(seed, 'http', seq)}\n`).join(''))
    const record = Buffer.concat([Buffer.alloc(recordHead), body])
    const [first = 0] = seqs
    const about = { length: body.length, count: seqs.length, first, committedAt: 0 }
    writeRecordHead(record, 0, marker, about)
    return record
  })
  const path = join(slot, segmentName(1, marker))
  writeFileSync(path, Buffer.concat([head, ...parts]))
  return { directory, path, lengths: parts.map(({ length }) => length) }
}

test('a torn end costs the events of the records that it cuts, and cuts within one', (t) => {
  const { directory, path, lengths } = queueWith(t, [[0, 1], [2], [3, 4]])
  const [, , last = 0] = lengths
  const whole = readFileSync(path).length
  assert.deepEqual(numbersOf(tearQueue(directory, seed, 1)), [3, 4])
  assert.equal(readFileSync(path).length, whole - 1)
  // As many bytes as would end it between two records.
  assert.deepEqual(numbersOf(tearQueue(directory, seed, last - 1)), [3, 4])
  assert.equal(readFileSync(path).length, whole - last + 1)
})

test('a tear longer than all records leaves a part of the first', (t) => {
  const { directory, path } = queueWith(t, [[0, 1], [2]])
  assert.deepEqual(numbersOf(tearQueue(directory, seed, 1_000_000)), [0, 1, 2])
  assert.equal(readFileSync(path).length, segmentHead + 1)
})

test('a flipped bit costs the events of its record, and none in the head of a segment', (t) => {
  const { directory, path, lengths } = queueWith(t, [[0, 1], [2], [3, 4]])
  const before = readFileSync(path)
  const at = segmentHead + (lengths[0] ?? 0) + 7
  const inRecord = flipBit(directory, seed, { where: (at + 0.5) / before.length, bit: 3 })
  assert.deepEqual(numbersOf(inRecord?.events), [2])
  assert.equal(inRecord?.at, at)
  const inHead = flipBit(directory, seed, { where: 0, bit: 0 })
  assert.deepEqual(inHead?.events, [])
  const after = readFileSync(path)
  const changed = [...after.keys()].filter((index) => after[index] !== before[index])
  assert.deepEqual(changed, [0, at])
})

test('a queue without files has nothing to damage', (t) => {
  const directory = testFolder(t).path('queue')
  assert.equal(tearQueue(directory, seed, 10), undefined)
  assert.equal(flipBit(directory, seed, { where: 0.5, bit: 0 }), undefined)
})

function numbersOf(events: readonly { seq: number }[] | undefined): number[] {
  return (events ?? []).map(({ seq }) => seq)
}
