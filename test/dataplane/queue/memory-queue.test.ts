import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { createMemoryQueue } from '../../../src/dataplane/queue/memory-queue.ts'
import type { Batch, QueueSettings } from '../../../src/dataplane/queue/queue.ts'
import { lines, type Events } from '../../../src/dataplane/wire/events.ts'

const block: QueueSettings = { maxSize: 1000, onFull: 'Block' }
const drop: QueueSettings = { ...block, onFull: 'DropOldest' }
const limits = { maxEvents: 10, maxBytes: 100, maxWait: 50 }

/** `count` events of `size` bytes each, newline included. */
function eventsOf(count: number, size = 10, letter = 'x'): Events {
  return { body: Buffer.from(`${letter.repeat(size - 1)}\n`.repeat(count)), count }
}

test('a batch takes whole commits and cuts the last at an event', () => {
  const queue = createMemoryQueue<string>(block)
  queue.commit([eventsOf(4)], 0, 'one')
  queue.commit([eventsOf(8)], 1, 'two')
  const first = queue.cut(limits)
  assert.equal(first?.events.count, 10)
  assert.deepEqual(first.shares, [
    { owner: 'one', count: 4 },
    { owner: 'two', count: 6 },
  ])
  assert.deepEqual([first.first, first.last], [0, 9])
  const second = queue.cut(limits)
  assert.deepEqual([second?.first, second?.last], [10, 11])
  assert.equal(queue.cut(limits), undefined)
})

test('bytes bound a batch as well, yet an event over the bound goes alone', () => {
  const queue = createMemoryQueue(block)
  queue.commit([eventsOf(2, 40), eventsOf(1, 300), eventsOf(1, 40)], 0)
  const counts = [queue.cut(limits), queue.cut(limits), queue.cut(limits)]
  assert.deepEqual(
    counts.map((batch) => batch?.events.body.length),
    [80, 300, 40],
  )
})

test('a batch is ready when full, in a hurry, or after maxWait', () => {
  const queue = createMemoryQueue(block)
  assert.equal(queue.readyAt(limits, true), Number.POSITIVE_INFINITY)
  queue.commit([eventsOf(1)], 7)
  assert.equal(queue.readyAt(limits, false), 57)
  assert.equal(queue.readyAt(limits, true), Number.NEGATIVE_INFINITY)
  queue.commit([eventsOf(9)], 8)
  assert.equal(queue.readyAt(limits, false), Number.NEGATIVE_INFINITY)
})

test('an owner is done when its last event is acknowledged, over several batches', () => {
  const queue = createMemoryQueue<string>(block)
  queue.commit([eventsOf(4)], 0, 'one')
  queue.commit([eventsOf(8)], 0, 'two')
  const [first, second] = [queue.cut(limits), queue.cut(limits)]
  assert.ok(first && second)
  assert.deepEqual(queue.acknowledge(second).done, [])
  assert.deepEqual(queue.acknowledge(first).done, ['one', 'two'])
  assert.deepEqual(queue.acknowledge(first).done, [])
  assert.equal(queue.totals().events, 0)
})

test('full takes nothing, and what is larger than the queue goes alone', () => {
  const queue = createMemoryQueue(block)
  assert.equal(queue.commit([eventsOf(500)], 0).result, 'accepted')
  assert.equal(queue.commit([eventsOf(1)], 0).result, 'full')
  const batch = queue.cut({ ...limits, maxEvents: 500, maxBytes: 10_000 })
  assert.ok(batch)
  assert.equal(queue.commit([eventsOf(1)], 0).result, 'full')
  queue.acknowledge(batch)
  assert.equal(queue.commit([eventsOf(1)], 0).result, 'accepted')
})

test('DropOldest drops the oldest that is not in flight, counts it and tells its owner', () => {
  const queue = createMemoryQueue<string>(drop)
  queue.commit([eventsOf(10)], 0, 'in flight')
  const batch = queue.cut(limits)
  assert.ok(batch)
  queue.commit([eventsOf(10, 10, 'a')], 0, 'oldest')
  queue.commit([eventsOf(80, 10, 'b')], 0, 'newest')
  const { result, dropped, settled } = queue.commit([eventsOf(3, 10, 'c')], 0, 'added')
  assert.deepEqual(
    { result, dropped, settled },
    {
      result: 'accepted',
      dropped: 3,
      settled: { done: [], dropped: ['oldest'] },
    },
  )
  assert.equal(queue.totals().bytes, 1000)
  assert.deepEqual(queue.acknowledge(batch).done, ['in flight'])
})

test('DropOldest does not drop what would not make room', () => {
  const queue = createMemoryQueue(drop)
  queue.commit([eventsOf(50)], 0)
  queue.cut({ ...limits, maxEvents: 50, maxBytes: 1000 })
  queue.commit([eventsOf(50)], 0)
  assert.equal(queue.commit([eventsOf(60)], 0).result, 'full')
  assert.equal(queue.totals().events, 100)
})

test('withdrawal takes what waits, and batches that nobody else waits for once they are released', () => {
  const queue = createMemoryQueue<string>(block)
  queue.commit([eventsOf(12)], 0, 'one')
  queue.commit([eventsOf(3)], 0, 'two')
  const own = queue.cut(limits)
  assert.ok(own)
  assert.equal(
    queue.withdraw('one', (batch) => batch === own),
    12,
  )
  assert.deepEqual(queue.acknowledge(own).done, [])
  assert.equal(queue.totals().events, 3)
  const shared = queue.cut(limits)
  assert.deepEqual(shared?.shares, [{ owner: 'two', count: 3 }])
  assert.equal(
    queue.withdraw('two', () => false),
    0,
  )
  assert.equal(queue.totals().events, 3)
})

test('the age of the oldest event counts those in flight', () => {
  const queue = createMemoryQueue(block)
  assert.equal(queue.totals().oldest, undefined)
  queue.commit([eventsOf(1)], 5)
  const batch = queue.cut(limits)
  assert.ok(batch)
  queue.commit([eventsOf(1)], 9)
  assert.equal(queue.totals().oldest, 5)
  queue.acknowledge(batch)
  assert.equal(queue.totals().oldest, 9)
})

type Step =
  | { what: 'commit'; sizes: number[] }
  | { what: 'cut'; maxEvents: number; maxBytes: number }
  | { what: 'acknowledge' | 'withdraw'; index: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    what: fc.constant('commit' as const),
    sizes: fc.array(fc.integer({ min: 2, max: 60 }), { maxLength: 8 }),
  }),
  fc.record({
    what: fc.constant('cut' as const),
    maxEvents: fc.integer({ min: 1, max: 6 }),
    maxBytes: fc.integer({ min: 1, max: 120 }),
  }),
  fc.record({
    what: fc.constantFrom('acknowledge' as const, 'withdraw' as const),
    index: fc.nat(30),
  }),
)

for (const onFull of ['Block', 'DropOldest'] as const) {
  test(`whatever happens under ${onFull}: no event is lost, doubled or torn, and bounds hold`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const maxSize = 300
        const queue = createMemoryQueue<number>({ maxSize, onFull })
        const committed = new Map<number, number>()
        const cutBatches: Batch<number>[] = []
        const ended = new Set<number>()
        let delivered = 0
        let accepted = 0
        let lost = 0
        let owner = 0
        let sequence = 0
        for (const each of steps) {
          if (each.what === 'commit') {
            const body = each.sizes.map((size) => `${'e'.repeat(size - 1)}\n`).join('')
            const events = { body: Buffer.from(body), count: each.sizes.length }
            const bytes = queue.totals().bytes
            const { result, dropped, settled } = queue.commit([events], 0, owner)
            lost += dropped
            if (onFull === 'Block') assert.equal(dropped, 0)
            for (const one of settled.dropped) ended.add(one)
            if (result === 'accepted') {
              accepted += events.count
              if (events.count > 0) committed.set(owner, events.count)
              assert.ok(bytes === 0 || queue.totals().bytes <= maxSize)
            }
            owner += 1
          } else if (each.what === 'cut') {
            const batch = queue.cut({ ...each, maxWait: 0 })
            if (batch === undefined) {
              assert.equal(queue.totals().waitingEvents, 0)
              continue
            }
            cutBatches.push(batch)
            assert.equal(batch.first, sequence)
            assert.equal(batch.last - batch.first + 1, batch.events.count)
            sequence = batch.last + 1
            assert.ok(batch.events.count <= each.maxEvents)
            assert.ok(batch.events.body.length <= each.maxBytes || batch.events.count === 1)
            assert.equal([...lines(batch.events)].length, batch.events.count)
            const shared = batch.shares.reduce((sum, { count }) => sum + count, 0)
            assert.equal(shared, batch.events.count)
          } else if (each.what === 'acknowledge') {
            const [batch] = cutBatches.splice(each.index % Math.max(1, cutBatches.length), 1)
            if (batch === undefined) continue
            const { done } = queue.acknowledge(batch)
            delivered += batch.events.count
            for (const one of done) {
              assert.ok(committed.has(one) && !ended.has(one), 'told once, and only whose it was')
              ended.add(one)
            }
          } else {
            const one = [...committed.keys()][each.index % Math.max(1, committed.size)]
            if (one === undefined || ended.has(one)) continue
            lost += queue.withdraw(one, () => false)
            ended.add(one)
          }
          const totals = queue.totals()
          const inFlight = cutBatches.reduce((sum, { events }) => sum + events.count, 0)
          assert.equal(totals.events, totals.waitingEvents + inFlight)
          assert.equal(accepted, delivered + lost + totals.events)
          assert.ok(totals.bytes >= 0 && totals.waitingBytes >= 0)
        }
      }),
      { numRuns: 300 },
    )
  })
}
