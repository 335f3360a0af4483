import assert from 'node:assert/strict'
import test from 'node:test'
import { createWorkQueue } from '../../src/controller/work-queue.ts'
import type { WorkQueueOptions } from '../../src/controller/work-queue.ts'
import { fakeClock } from '../support/fake-clock.ts'

function queueOf(work: WorkQueueOptions['work'], more: Partial<WorkQueueOptions> = {}) {
  const clock = fakeClock()
  const failures: string[] = []
  const queue = createWorkQueue({
    clock,
    work,
    random: () => 1,
    rate: { perSecond: 1000, burst: 1000 },
    concurrency: 2,
    onFailure: (key, _error, againAt) => {
      failures.push(`${key} +${againAt === undefined ? 'never' : againAt - clock.now()}`)
    },
    ...more,
  })
  return { clock, queue, failures }
}

test('work that fails is done again after its back-off, and its failure is told', async () => {
  let attempts = 0
  const { clock, queue, failures } = queueOf(async () => {
    attempts += 1
    if (attempts < 3) throw new Error('not yet')
    return {}
  })
  queue.add('a')
  await queue.idle()
  assert.deepEqual([attempts, failures], [1, ['a +200']])
  clock.advance(199)
  await queue.idle()
  assert.equal(attempts, 1)
  clock.advance(1)
  await queue.idle()
  clock.advance(400)
  await queue.idle()
  assert.deepEqual([attempts, failures], [3, ['a +200', 'a +400']])
  assert.equal(clock.pending(), 0)
})

test('work says when it wants to be done again', async () => {
  const times: number[] = []
  const { clock, queue } = queueOf(async () => {
    times.push(clock.now())
    return { againAfterMs: 1000 }
  })
  const start = clock.now()
  queue.add('a')
  await queue.idle()
  for (let second = 0; second < 3; second++) {
    clock.advance(1000)
    await queue.idle()
  }
  assert.deepEqual(
    times.map((time) => time - start),
    [0, 1000, 2000, 3000],
  )
})

test('stopping waits for what runs and starts nothing that waits', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const began: string[] = []
  const { queue, clock } = queueOf(
    async (key) => {
      began.push(key)
      await promise
      return { againAfterMs: 1 }
    },
    { concurrency: 1 },
  )
  queue.add('a')
  queue.add('b')
  let stopped = false
  const stopping = queue.stop().then(() => {
    stopped = true
  })
  await Promise.resolve()
  assert.equal(stopped, false)
  resolve()
  await stopping
  clock.advance(10_000)
  assert.deepEqual(began, ['a'])
})
