import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { createKeyQueue } from '../../src/controller/key-queue.ts'
import type { KeyQueue } from '../../src/controller/key-queue.ts'

const unlimited = { perSecond: 1e6, burst: 1e6 }

function queueOf(more: { concurrency?: number; rate?: typeof unlimited } = {}): KeyQueue {
  return createKeyQueue({ concurrency: 2, rate: unlimited, random: () => 1, ...more })
}

test('a key stands in the queue once, however often it is added', () => {
  const queue = queueOf()
  for (const key of ['a', 'a', 'b', 'a']) queue.add(key)
  assert.deepEqual([queue.take(0), queue.take(0), queue.take(0)], ['a', 'b', undefined])
})

test('a key that is added while it runs runs once more, and never twice at a time', () => {
  const queue = queueOf()
  queue.add('a')
  assert.equal(queue.take(0), 'a')
  queue.add('a')
  queue.add('a')
  assert.equal(queue.take(0), undefined)
  assert.equal(queue.done('a', { ok: true }, 5), 5)
  assert.equal(queue.take(5), 'a')
  queue.done('a', { ok: true }, 6)
  assert.equal(queue.take(6), undefined)
})

test('keys that never succeeded go before all others', () => {
  const queue = queueOf({ concurrency: 1 })
  run(queue, 'old')
  for (const key of ['old', 'new', 'failed']) queue.add(key)
  assert.equal(queue.take(0), 'new')
  queue.done('new', { ok: true }, 0)
  assert.equal(queue.take(0), 'failed')
})

test('failures back off from 0.2 s, doubling, to 5 minutes, and a success forgets them', () => {
  const queue = queueOf()
  const delays: (number | undefined)[] = []
  for (let attempt = 0; attempt < 13; attempt++) {
    queue.add('a')
    queue.take(0)
    delays.push(queue.done('a', { ok: false }, 0))
  }
  assert.deepEqual(delays.slice(0, 4), [200, 400, 800, 1600])
  assert.deepEqual(delays.slice(-2), [300_000, 300_000])
  run(queue, 'a')
  queue.add('a')
  queue.take(0)
  assert.equal(queue.done('a', { ok: false }, 0), 200)
})

test('jitter takes up to half of a back-off away', () => {
  const queue = createKeyQueue({ concurrency: 1, rate: unlimited, random: () => 0 })
  queue.add('a')
  queue.take(0)
  assert.equal(queue.done('a', { ok: false }, 1000), 1100)
})

test('a change does not wait for a back-off', () => {
  const queue = queueOf()
  queue.add('a')
  queue.take(0)
  queue.done('a', { ok: false }, 0)
  assert.equal(queue.take(100), undefined)
  queue.add('a')
  assert.equal(queue.take(100), 'a')
})

test('of several delays the earliest counts, and its time wakes the queue', () => {
  const queue = queueOf()
  queue.addAfter('a', 500)
  queue.addAfter('a', 300)
  queue.addAfter('a', 900)
  assert.equal(queue.wakeAt(0), 300)
  assert.equal(queue.take(299), undefined)
  assert.equal(queue.take(300), 'a')
  assert.equal(queue.done('a', { ok: true, againAfterMs: 1000 }, 300), 1300)
})

test('no more keys run at once than allowed', () => {
  const queue = queueOf({ concurrency: 2 })
  for (const key of ['a', 'b', 'c']) queue.add(key)
  assert.deepEqual([queue.take(0), queue.take(0), queue.take(0)], ['a', 'b', undefined])
  assert.equal(queue.wakeAt(0), undefined)
  queue.done('a', { ok: true }, 0)
  assert.equal(queue.take(0), 'c')
})

test('the rate bounds all keys together, and the queue knows when the next may run', () => {
  const queue = queueOf({ concurrency: 9, rate: { perSecond: 10, burst: 2 } })
  for (const key of ['a', 'b', 'c']) queue.add(key)
  assert.deepEqual([queue.take(0), queue.take(0), queue.take(0)], ['a', 'b', undefined])
  assert.equal(queue.wakeAt(0), 100)
  assert.equal(queue.take(100), 'c')
})

test('a forgotten key does not come back by itself, only by a new change', () => {
  const queue = queueOf()
  queue.add('a')
  queue.take(0)
  queue.forget('a')
  assert.equal(queue.done('a', { ok: false }, 0), undefined)
  assert.equal(queue.wakeAt(0), undefined)
  queue.add('a')
  assert.equal(queue.take(0), 'a')
})

test('whatever happens, every change is followed by a run that began after it', () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('add', 'add', 'take', 'ok', 'fail', 'later'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
    }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(steps, (sequence) => {
      const queue = queueOf()
      const running = new Set<string>()
      const dirty = new Set<string>()
      let now = 0
      const take = () => {
        const key = queue.take(now)
        if (key === undefined) return false
        assert.ok(!running.has(key), 'one run of a key at a time')
        running.add(key)
        assert.ok(running.size <= 2)
        dirty.delete(key)
        return true
      }
      for (const { what, key } of sequence) {
        now += 10
        if (what === 'add') {
          queue.add(key)
          dirty.add(key)
        } else if (what === 'take') take()
        else if (what === 'later') queue.addAfter(key, now + 50)
        else if (running.delete(key)) queue.done(key, { ok: what === 'ok' }, now)
      }
      for (const key of running) queue.done(key, { ok: true }, now)
      running.clear()
      while (take()) {
        for (const key of running) queue.done(key, { ok: true }, now)
        running.clear()
      }
      assert.deepEqual([...dirty], [])
    }),
    { numRuns: 500 },
  )
})

function run(queue: KeyQueue, key: string): void {
  queue.add(key)
  assert.equal(queue.take(0), key)
  queue.done(key, { ok: true }, 0)
}
