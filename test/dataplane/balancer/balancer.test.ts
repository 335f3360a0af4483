import assert from 'node:assert/strict'
import test from 'node:test'
import {
  createBalancer,
  maxInFlight,
  type Balancer,
} from '../../../src/dataplane/balancer/balancer.ts'

const settings = { coolOff: 60_000, preferSameZone: false }

function balancerOf(...ids: string[]): Balancer {
  const balancer = createBalancer(settings)
  balancer.setHosts(ids.map((id) => ({ id })))
  return balancer
}

function pickHost(balancer: Balancer, now: number, avoid?: string): string {
  const pick = balancer.pick(now, avoid)
  return 'host' in pick ? pick.host : `wait until ${pick.waitUntil}`
}

test('batches that come one at a time go round', () => {
  const balancer = balancerOf('a', 'b', 'c')
  const picked = Array.from({ length: 9 }, (_, now) => {
    const host = pickHost(balancer, now)
    balancer.succeeded(host, now, now)
    return host
  })
  assert.deepEqual(picked.join(''), 'abcabcabc')
})

test('the host with the least in flight comes first, and four are the most', () => {
  const balancer = balancerOf('a', 'b')
  for (let i = 0; i < 2 * maxInFlight; i += 1) pickHost(balancer, 0)
  assert.deepEqual(
    balancer.states().map(({ inFlight }) => inFlight),
    [maxInFlight, maxInFlight],
  )
  assert.deepEqual(balancer.pick(0), { waitUntil: Number.POSITIVE_INFINITY })
  balancer.succeeded('b', 0, 1)
  assert.equal(pickHost(balancer, 1), 'b')
})

test('without hosts there is nothing to wait for but hosts', () => {
  assert.deepEqual(createBalancer(settings).pick(0), { waitUntil: Number.POSITIVE_INFINITY })
})

test('the back-off doubles from 0.1 s to 30 s, jitter takes off up to a quarter', () => {
  const balancer = balancerOf('a', 'b')
  const waits: number[] = []
  let now = 0
  for (let i = 0; i < 11; i += 1) {
    // b stays busy, so that a is never asked before its time.
    let host = pickHost(balancer, now)
    while (host === 'b') host = pickHost(balancer, now)
    assert.equal(host, 'a')
    balancer.failed('a', now, now, i === 10 ? 1 : 0)
    const [a] = balancer.states()
    waits.push(Number(a?.outUntil) - now)
    now = Number(a?.outUntil)
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 22_500])
})

test('what one outage ends together counts as one failure', () => {
  const balancer = balancerOf('a')
  for (let i = 0; i < 4; i += 1) pickHost(balancer, 0)
  for (let i = 0; i < 4; i += 1) balancer.failed('a', 0, 50, 0)
  assert.equal(balancer.states()[0]?.failures, 1)
  assert.deepEqual(balancer.pick(60), { waitUntil: 150 })
})

test('after its back-off a host is tried with one batch, and a success makes it well', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  balancer.failed('a', 0, 0, 0)
  for (let i = 0; i < 4; i += 1) assert.equal(pickHost(balancer, 0), 'b')
  assert.deepEqual(balancer.pick(100), { host: 'a', probe: true })
  assert.deepEqual(balancer.pick(100), { waitUntil: Number.POSITIVE_INFINITY })
  balancer.succeeded('a', 100, 110)
  for (let i = 0; i < 4; i += 1) assert.deepEqual(balancer.pick(110), { host: 'a', probe: false })
})

test('a recent error makes a host come last until coolOff is over', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  balancer.failed('a', 0, 0, 0)
  for (const now of [1000, 30_000, 59_999]) {
    assert.equal(pickHost(balancer, now), 'b')
    balancer.succeeded('b', now, now)
  }
  assert.equal(pickHost(balancer, 60_000), 'a')
})

test('when all are out one is probed a second, each in its turn', () => {
  const balancer = balancerOf('a', 'b')
  let now = 0
  for (let i = 0; i < 40; i += 1) {
    const pick = balancer.pick(now)
    if ('host' in pick) balancer.failed(pick.host, now, now, 0)
    else now = pick.waitUntil
  }
  const probes: { at: number; host: string }[] = []
  const from = now
  while (now < from + 10_000) {
    const pick = balancer.pick(now)
    if ('host' in pick) {
      probes.push({ at: now, host: pick.host })
      balancer.failed(pick.host, now, now, 0)
    } else {
      assert.ok(pick.waitUntil > now && pick.waitUntil <= now + 1000)
      now = pick.waitUntil
    }
  }
  assert.ok(probes.length >= 9 && probes.length <= 11, `${probes.length} probes in 10 s`)
  assert.deepEqual(new Set(probes.map(({ host }) => host)), new Set(['a', 'b']))
})

test('after an outage of all, the first success ends the long back-offs of the others', () => {
  const balancer = balancerOf('a', 'b', 'c')
  let now = 0
  // Each fails until its back-off has grown to half a minute.
  for (let i = 0; i < 60; i += 1) {
    const pick = balancer.pick(now)
    if ('host' in pick) balancer.failed(pick.host, now, now, 0)
    else now = pick.waitUntil
  }
  const longest = Math.max(...balancer.states().map(({ outUntil }) => outUntil - now))
  assert.ok(longest > 10_000, `the longest back-off is ${longest} ms`)
  now += 1000
  const first = pickHost(balancer, now)
  balancer.succeeded(first, now, now)
  now += 1000
  const next = Array.from({ length: 3 }, () => pickHost(balancer, now))
  assert.deepEqual(next.toSorted(), ['a', 'b', 'c'])
})

test('the success of one host among well ones leaves the back-off of another as it is', () => {
  const balancer = balancerOf('a', 'b')
  for (let now = 0; now < 60_000; now += 10_000) {
    balancer.succeeded(pickHost(balancer, now, 'b'), now, now)
    const failing = balancer.pick(now, 'a')
    if ('host' in failing && failing.host === 'b') balancer.failed('b', now, now, 0)
    else if ('host' in failing) balancer.released(failing.host, now)
  }
  const before = balancer.states().find(({ id }) => id === 'b')?.outUntil
  const host = pickHost(balancer, 60_001, 'b')
  balancer.succeeded(host, 60_001, 60_001)
  assert.equal(balancer.states().find(({ id }) => id === 'b')?.outUntil, before)
})

test('429 pauses a host for its time, is no error, and is not shortened by a probe', () => {
  const balancer = balancerOf('a')
  pickHost(balancer, 0)
  balancer.paused('a', 0, 5000)
  assert.deepEqual(balancer.pick(1), { waitUntil: 5000 })
  assert.equal(balancer.allOut(), false)
  assert.deepEqual(balancer.pick(5000), { host: 'a', probe: false })
  assert.equal(balancer.states()[0]?.lastError, Number.NEGATIVE_INFINITY)
})

test('a host whose oldest request is over 1 s old gets nothing while another is free', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  for (let i = 0; i < 4; i += 1) assert.equal(pickHost(balancer, 1001), 'b')
  // Now a alone is free.
  assert.equal(pickHost(balancer, 1001), 'a')
})

test('a removed host gets nothing new, finishes what it has, and may come back', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  balancer.setHosts([{ id: 'b' }])
  for (let i = 0; i < 4; i += 1) assert.equal(pickHost(balancer, 0), 'b')
  assert.deepEqual(balancer.pick(0), { waitUntil: Number.POSITIVE_INFINITY })
  balancer.succeeded('a', 0, 1)
  assert.deepEqual(
    balancer.states().map(({ id }) => id),
    ['b'],
  )
  balancer.setHosts([{ id: 'a' }, { id: 'b' }])
  assert.equal(pickHost(balancer, 2), 'a')
})

test('its own zone comes first where that is preferred, another when it is full or fails', () => {
  const balancer = createBalancer({ ...settings, preferSameZone: true, zone: 'here' })
  balancer.setHosts([
    { id: 'near', zone: 'here' },
    { id: 'far', zone: 'there' },
  ])
  for (let i = 0; i < 4; i += 1) assert.equal(pickHost(balancer, 0), 'near')
  assert.equal(pickHost(balancer, 0), 'far')
  for (let i = 0; i < 4; i += 1) balancer.failed('near', 0, 0, 0)
  assert.equal(pickHost(balancer, 1), 'far')
})

test('the host to avoid is taken only when no other is free', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0, 'a'), 'b')
  for (let i = 0; i < 3; i += 1) assert.equal(pickHost(balancer, 0, 'a'), 'b')
  assert.equal(pickHost(balancer, 0, 'a'), 'a')
})
