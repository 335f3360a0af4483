import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { heldBy, mayWrite, microTime, sighted } from '../../src/kube/lease-record.ts'
import type { Lease, Sighting } from '../../src/kube/lease-record.ts'
import { calm, type Faults, simulate } from './lease-simulation.ts'

const hard: Faults = {
  refused: 0.1,
  answerLost: 0.05,
  longestDelayMs: 4000,
  outage: 0.005,
  cut: 0.02,
  freeze: 0.02,
  kill: 0.003,
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The most that led at one moment, and how many led in all. */
async function hardLife(
  seed: number,
  times: { leaseMs?: number; renewMs?: number; retryMs?: number } = {},
): Promise<{ most: number; led: number; atTheEnd: number }> {
  const world = simulate({ random: randomFrom(seed), times })
  for (let count = 0; count < 3; count += 1) world.startProcess()
  world.setFaults(hard)
  const everLed = new Set<string>()
  let most = 0
  const look = () => {
    const leaders = world.leaders()
    for (const leader of leaders) everLed.add(leader)
    most = Math.max(most, leaders.length)
  }
  await world.run(240_000, look)
  world.setFaults(calm)
  await world.run(60_000, look)
  return { most, led: everLed.size, atTheEnd: world.leaders().length }
}

test('never do two lead at once, whatever delays, failures, freezes and clocks do, and one leads in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { most, led, atTheEnd } = await hardLife(seed)
      assert.ok(most <= 1, `${most} led at once`)
      assert.ok(led >= 1)
      assert.equal(atTheEnd, 1)
    }),
    { numRuns: 60 },
  )
})

test('the simulation would find two leaders: it does where a leader believes longer than others wait', async () => {
  const most: number[] = []
  for (let seed = 0; seed < 20; seed += 1) {
    most.push((await hardLife(seed, { leaseMs: 15_000, renewMs: 25_000 })).most)
  }
  assert.ok(Math.max(...most) > 1)
})

async function pair() {
  const world = simulate({ random: randomFrom(1) })
  const first = world.startProcess()
  await world.run(1000)
  const second = world.startProcess()
  await world.run(5000)
  assert.deepEqual(world.leaders(), [first.identity])
  return { world, first, second }
}

test('the first takes a Lease that does not exist at once, and keeps it', async () => {
  const { world, first } = await pair()
  await world.run(120_000)
  assert.deepEqual(world.leaders(), [first.identity])
  assert.equal(world.lease()?.spec?.leaseTransitions, 0)
  assert.equal(world.lease()?.spec?.leaseDurationSeconds, 15)
})

test('a leader that stops gives the Lease back, and the next leads within three seconds', async () => {
  const { world, first, second } = await pair()
  const stopping = first.elector.stop()
  assert.equal(first.elector.leads(), false)
  await world.run(1000)
  await stopping
  await world.run(2000)
  assert.deepEqual(world.leaders(), [second.identity])
  assert.equal(world.lease()?.spec?.leaseTransitions, 1)
})

test('a candidate that stops leaves the Lease alone', async () => {
  const { world, first, second } = await pair()
  const stopping = second.elector.stop()
  await world.run(1000)
  await stopping
  assert.equal(world.lease()?.spec?.holderIdentity, first.identity)
})

test('after a leader that was killed the next leads within twenty seconds, and not before the lease is over', async () => {
  const { world, first, second } = await pair()
  const renewed = Date.parse(world.lease()?.spec?.renewTime ?? '')
  assert.ok(renewed > 0)
  world.kill(first)
  await world.run(12_000)
  assert.deepEqual(world.leaders(), [])
  await world.run(8000)
  assert.deepEqual(world.leaders(), [second.identity])
})

test('a leader without the server gives up before others may take the Lease, and says so once', async () => {
  const { world, first } = await pair()
  world.setFaults({ ...calm, refused: 1 })
  await world.run(8500)
  assert.equal(first.elector.leads(), true)
  await world.run(4000)
  assert.equal(first.elector.leads(), false)
  assert.equal(first.alive, false)
  assert.equal(first.elector.checks.live['leadership']?.().ok, false)
})

test('a Lease that is deleted while its holder leads is made again by it, and nobody else takes it', async () => {
  const { world, first } = await pair()
  world.deleteLease()
  await world.run(5000, () => assert.deepEqual(world.leaders(), [first.identity]))
  assert.equal(world.lease()?.spec?.holderIdentity, first.identity)
})

const last: Sighting = { resourceVersion: '7', holder: 'other', durationMs: 15_000, at: 100 }
const free: [string, Sighting | undefined, number, boolean][] = [
  ['was never seen', undefined, 0, true],
  ['was given back', { ...last, holder: '' }, 100, true],
  ['is ours already', { ...last, holder: 'me' }, 100, true],
  ['changed a moment ago', last, 15_099, false],
  ['did not change for its whole duration', last, 15_100, true],
]
for (const [what, sighting, now, expected] of free) {
  test(`a Lease that ${what} may ${expected ? '' : 'not '}be written`, () => {
    assert.equal(mayWrite(sighting, 'me', now), expected)
  })
}

const record: Lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'system', name: 'it', resourceVersion: '8' },
  spec: { holderIdentity: 'other', leaseDurationSeconds: 30, leaseTransitions: 4 },
}
const at = { at: 500, leaseMs: 15_000 }

test('any write is a change, and the longer of both durations counts', () => {
  assert.deepEqual(sighted(last, record, at), {
    resourceVersion: '8',
    holder: 'other',
    durationMs: 30_000,
    at: 500,
  })
})

test('a reading that shows nothing new, or no Lease at all, changes nothing of what was seen', () => {
  const same = { ...record, metadata: { ...record.metadata, resourceVersion: '7' } }
  assert.equal(sighted(last, same, at), last)
  assert.equal(sighted(last, undefined, at), last)
})

test('who takes over counts the transition and begins anew; who renews keeps when it began', () => {
  const name = { namespace: 'system', name: 'it' }
  const taken = heldBy(record, name, { identity: 'me', leaseMs: 15_000, wall: 0 })
  assert.deepEqual(taken.metadata, record.metadata)
  assert.deepEqual(taken.spec, {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: '1970-01-01T00:00:00.000000Z',
    renewTime: '1970-01-01T00:00:00.000000Z',
    leaseTransitions: 5,
  })
  const renewed = heldBy(taken, name, { identity: 'me', leaseMs: 15_000, wall: 1001 })
  assert.deepEqual(renewed.spec, { ...taken.spec, renewTime: '1970-01-01T00:00:01.001000Z' })
})

test('times have six digits, as the API server wants them', () => {
  assert.equal(microTime(Date.parse('2026-11-22T10:00:00.123Z')), '2026-11-22T10:00:00.123000Z')
})
