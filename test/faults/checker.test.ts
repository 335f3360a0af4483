import assert from 'node:assert/strict'
import test from 'node:test'
import { createChecker, type Allowance, type Checker } from './checker.ts'
import { eventIdOf, eventLine, isPoison } from './events.ts'
import type { Source } from './schedule.ts'

const seed = 7
const strict: Allowance = { refusedAll: false, toldOfDamage: () => false }

/** A checker that knows of the numbers below `count`. */
function withWritten(source: Source, count: number): Checker {
  const checker = createChecker(seed)
  for (let seq = 0; seq < count; seq += 1) checker.written(source, seq)
  return checker
}

function arrive(checker: Checker, source: Source, seqs: readonly number[]): void {
  for (const seq of seqs) checker.arrived(eventLine(seed, source, seq))
}

test('an event that was told safe and did not arrive is missing, with its number', () => {
  const checker = withWritten('http', 4)
  checker.toldSafe('http', 0, 3)
  arrive(checker, 'http', [0, 2])
  assert.deepEqual(checker.missing(), ['http 1'])
  assert.deepEqual(checker.verdict(strict).problems, ['1 events are missing: http 1'])
})

test('what was never told safe may be missing, and may arrive', () => {
  const checker = withWritten('http', 2)
  arrive(checker, 'http', [1])
  assert.deepEqual(checker.verdict(strict).problems, [])
})

test('duplicates are counted and no fault', () => {
  const checker = withWritten('http', 2)
  arrive(checker, 'http', [0, 0, 0, 1])
  const { problems, duplicates } = checker.verdict(strict)
  assert.deepEqual({ problems, duplicates }, { problems: [], duplicates: 2 })
})

test('a stream that broke may lose its end alone', () => {
  const [end, middle] = [withWritten('tcp', 6), withWritten('tcp', 6)]
  for (const checker of [end, middle]) checker.stretch('tcp', 0, 6, true)
  arrive(end, 'tcp', [0, 1, 2, 3])
  arrive(middle, 'tcp', [0, 1, 3, 4])
  assert.deepEqual(end.verdict(strict).problems, [])
  assert.equal(end.verdict(strict).lostAsDeclared, 2)
  assert.deepEqual(middle.missing(), ['tcp 2'])
})

test('a stream that ended in order loses nothing', () => {
  const checker = withWritten('tcp', 3)
  checker.stretch('tcp', 0, 3, false)
  arrive(checker, 'tcp', [0, 1])
  assert.deepEqual(checker.missing(), ['tcp 2'])
})

test('events of damaged records may be missing only where the sender said so', () => {
  const checker = withWritten('http', 2)
  checker.toldSafe('http', 0, 2)
  checker.damaged([{ source: 'http', seq: 1 }])
  arrive(checker, 'http', [0])
  assert.deepEqual(checker.missing(), [])
  assert.deepEqual(checker.verdict({ ...strict, toldOfDamage: () => true }).problems, [])
  assert.match(checker.verdict(strict).problems.join(), /sender-http did not say so: http 1/)
})

test('lines that nobody wrote, or that were changed, are reported', () => {
  for (const line of [
    '{"message":"torn"}',
    eventLine(seed, 'http', 5),
    eventLine(seed, 'http', 0).slice(0, -1),
    eventLine(seed + 1, 'http', 0),
  ]) {
    const checker = withWritten('http', 1)
    checker.arrived(line)
    assert.match(checker.verdict(strict).problems.join(), /1 lines are nobody's/, line)
  }
})

test('poison belongs into dead letters and nothing else does, unless the application refused everything', () => {
  const poison = Array.from({ length: 1000 }, (_, seq) => seq).filter((seq) =>
    isPoison('http', seq),
  )
  const [first = 0, second = 0] = poison
  const checker = withWritten('http', 1000)
  checker.toldSafe('http', first, first + 1)
  checker.deadLettered(eventLine(seed, 'http', first))
  checker.deadLettered(eventLine(seed, 'http', first))
  assert.deepEqual(checker.verdict(strict).problems, [])
  assert.equal(checker.verdict(strict).deadLettered, 1)
  arrive(checker, 'http', [second])
  checker.deadLettered(eventLine(seed, 'http', 0))
  const { problems } = checker.verdict(strict)
  assert.deepEqual(problems, [
    `1 events are poison and arrived: http ${second}`,
    '1 events were dead-lettered and are no poison: http 0',
  ])
  assert.equal(checker.verdict({ ...strict, refusedAll: true }).problems.length, 1)
})

test('an event tells who wrote it, and only whole', () => {
  const line = eventLine(seed, 'files', 42)
  assert.deepEqual(eventIdOf(seed, line), { source: 'files', seq: 42 })
  assert.deepEqual(JSON.stringify(JSON.parse(line)), line)
  assert.equal(eventIdOf(seed, line.replace('x', 'y')), undefined)
})
