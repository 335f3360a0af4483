import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { createRandom } from '../support/random.ts'
import { scheduleOf, scheduleText, type Fault, type Step } from './schedule.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 })

test('the same seed is the same schedule, and its text names every fault', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const schedule = scheduleOf(seed)
      assert.deepEqual(scheduleOf(seed), schedule)
      const lines = scheduleText(schedule).split('\n')
      assert.equal(lines.length, schedule.steps.length + 1)
      assert.match(lines[0] ?? '', new RegExp(`^seed ${seed},`))
    }),
  )
})

test('every fault begins and ends within the time of its schedule, in order', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 2000, max: 20_000 }), (seed, durationMs) => {
      const { steps } = scheduleOf(seed, durationMs)
      for (const [index, step] of steps.entries()) {
        assert.ok(step.at >= (steps[index - 1]?.at ?? 0))
        assert.ok(endOf(step) <= durationMs, `${JSON.stringify(step)} ends after ${durationMs}`)
      }
    }),
  )
})

test('no two faults have hold of the same process, connections, application or files at once', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const until = new Map<string, number>()
      for (const step of scheduleOf(seed).steps) {
        const held = holdOf(step.fault)
        if (held === undefined) continue
        assert.ok((until.get(held) ?? 0) <= step.at, `${held} at ${step.at}`)
        until.set(held, endOf(step))
      }
    }),
  )
})

test('two hundred schedules hold every kind of fault several times', () => {
  const counts = new Map<string, number>()
  for (let seed = 1; seed <= 200; seed += 1) {
    for (const { fault } of scheduleOf(seed).steps) {
      counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1)
    }
  }
  assert.equal(counts.size, 19)
  for (const [kind, count] of counts) assert.ok(count >= 20, `${kind} only ${count} times`)
})

test('random numbers keep to their bounds and follow from the seed', () => {
  fc.assert(
    fc.property(seeds, fc.integer(), fc.nat(1000), (seed, from, more) => {
      const [one, two] = [createRandom(seed), createRandom(seed)]
      const drawn = one.integer(from, from + more)
      assert.equal(two.integer(from, from + more), drawn)
      assert.ok(drawn >= from && drawn <= from + more)
      assert.equal(one.weighted([0, 1, 0]), 1)
    }),
  )
})

function endOf({ at, fault }: Step): number {
  const times: Record<string, unknown> = { ...fault }
  const named = ['downMs', 'graceMs', 'forMs'].map((name) => Number(times[name] ?? 0))
  let lasts = named.reduce((sum, each) => sum + each, 0)
  if (fault.kind === 'reset-connections') lasts += fault.times * fault.everyMs
  if (fault.kind === 'rotate-authority') lasts += 2 * fault.stepMs
  return at + lasts
}

function holdOf(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'kill':
    case 'terminate':
    case 'hang':
    case 'tear-queue':
    case 'flip-bit':
      return `process ${fault.target}`
    case 'fill-disk':
      return `disk ${fault.target}`
    case 'slow-application':
    case 'failing-application':
      return `application ${fault.receiver}`
    case 'rotate-leaf':
    case 'rotate-authority':
      return 'certificates'
    case 'change-hosts':
      return 'hosts'
    case 'jump-clock':
      return undefined
    default:
      return `connections ${fault.receiver}`
  }
}
