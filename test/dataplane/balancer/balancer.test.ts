import assert from 'node:assert/strict'
import test from 'node:test'
import { maxInFlight } from '../../../src/dataplane/balancer/balanced-host.ts'
import {
  createBalancer,
  type Balancer,
  type HostState,
} from '../../../src/dataplane/balancer/balancer.ts'

const settings = { coolOff: 60_000, preferSameZone: false }

/** Hosts of which each took one batch within 10 ms, before the time 0. */
function balancerOf(...ids: string[]): Balancer {
  const balancer = createBalancer(settings)
  balancer.setHosts(ids.map((id) => ({ id })))
  prove(balancer, -10, ids.length)
  return balancer
}

function prove(balancer: Balancer, now: number, count: number): void {
  const hosts = Array.from({ length: count }, () => pickHost(balancer, now))
  for (const host of hosts) balancer.succeeded(host, now, now + 10)
}

function pickHost(balancer: Balancer, now: number, avoid?: string): string {
  const pick = balancer.pick(now, avoid)
  return 'host' in pick ? pick.host : `wait until ${pick.waitUntil}`
}

function stateOf(balancer: Balancer, id: string): HostState {
  const state = balancer.states().find((each) => each.id === id)
  assert.ok(state)
  return state
}

/** Sends batches one by one, each answered after `ms` of its host, until `until`; says how many each got. */
function serve(
  balancer: Balancer,
  from: number,
  until: number,
  end: (host: string, startedAt: number) => void,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let now = from; now < until; now += 20) {
    const host = pickHost(balancer, now)
    counts[host] = (counts[host] ?? 0) + 1
    end(host, now)
  }
  return counts
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

test('a host that has taken nothing yet gets one batch, and four after its first success', () => {
  const balancer = createBalancer(settings)
  balancer.setHosts([{ id: 'a' }])
  assert.equal(pickHost(balancer, 0), 'a')
  assert.deepEqual(balancer.pick(0), { waitUntil: Number.POSITIVE_INFINITY })
  balancer.succeeded('a', 0, 10)
  for (let i = 0; i < maxInFlight; i += 1) assert.equal(pickHost(balancer, 10), 'a')
  assert.deepEqual(balancer.pick(10), { waitUntil: Number.POSITIVE_INFINITY })
})

test('new hosts have their turn where chance says, and begin with the one that it says', () => {
  for (const [random, expected] of [
    [0, 'abcd'],
    [0.5, 'cdab'],
    [0.99, 'dbca'],
  ] as const) {
    const balancer = balancerOf('a')
    balancer.setHosts(
      ['a', 'b', 'c', 'd'].map((id) => ({ id })),
      random,
    )
    const picked = Array.from({ length: 4 }, () => pickHost(balancer, 0))
    assert.equal(picked.join(''), expected)
  }
})

test('the back-off doubles from 0.1 s to 30 s, jitter takes off up to a quarter', () => {
  const balancer = balancerOf('a')
  const waits: number[] = []
  let now = 0
  for (let i = 0; i < 11; i += 1) {
    assert.equal(pickHost(balancer, now), 'a')
    balancer.failed('a', now, now, i === 10 ? 1 : 0)
    const { outUntil } = stateOf(balancer, 'a')
    waits.push(outUntil - now)
    now = outUntil
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 22_500])
})

test('the back-off begins with what the failure took, up to 30 s', () => {
  for (const [took, rests] of [
    [50, [100, 200, 400]],
    [3000, [3000, 6000, 12_000]],
    [10_000, [10_000, 20_000, 30_000]],
    [40_000, [30_000, 30_000]],
  ] as const) {
    const balancer = balancerOf('a')
    let now = 0
    for (const rest of rests) {
      pickHost(balancer, now)
      balancer.failed('a', now, now + took, 0)
      const { outUntil } = stateOf(balancer, 'a')
      assert.equal(outUntil - now - took, rest)
      now = outUntil
    }
  }
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
  assert.equal(pickHost(balancer, 0), 'b')
  assert.deepEqual(balancer.pick(100), { host: 'a', probe: true })
  assert.equal(pickHost(balancer, 100), 'b')
  balancer.succeeded('a', 100, 110)
  assert.equal(stateOf(balancer, 'a').failures, 0)
})

test('a batch that has failed once is no probe while another host is free', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  balancer.failed('a', 0, 0, 0)
  assert.equal(pickHost(balancer, 200, 'a'), 'b')
  assert.equal(pickHost(balancer, 200), 'a')
})

test('a host that refuses at once is tried once in 5 s or 20 batches', () => {
  for (const [every, expected] of [
    [1000, 12],
    [100, 30],
  ] as const) {
    const balancer = balancerOf('a', 'b', 'c')
    let probes = 0
    for (let now = 0; now < 60_000; now += every) {
      const host = pickHost(balancer, now)
      if (host === 'a' || host === 'b') {
        probes += 1
        balancer.failed(host, now, now + 1, 0)
      } else balancer.succeeded(host, now, now + 10)
    }
    // Two hosts whose back-offs grow.
    assert.ok(probes > expected / 2 && probes <= expected + 4, `${probes} probes`)
  }
})

test('a host that timed out is tried once in coolOff, 5 s to a minute, or 200 batches', () => {
  for (const [coolOff, every, expected] of [
    [60_000, 1000, 60_000],
    [60_000, 100, 20_000],
    // It rests as long as its failure took.
    [60_000, 10, 10_000],
    [0, 1000, 10_000],
    [20_000, 1000, 20_000],
    [3_600_000, 1000, 60_000],
  ] as const) {
    const balancer = balancerOf('a', 'b')
    balancer.configure({ ...settings, coolOff })
    assert.equal(pickHost(balancer, 0), 'a')
    balancer.failed('a', 0, 10_000, 0)
    let now = 10_000
    for (; now < 100_000; now += every) {
      const host = pickHost(balancer, now)
      if (host === 'a') break
      balancer.succeeded(host, now, now + 5)
    }
    const waited = now - 10_000
    assert.ok(Math.abs(waited - expected) <= every, `with one in ${every} ms it took ${waited} ms`)
  }
})

test('without coolOff a slow host still gets no more than one batch in 5 s, or 200', () => {
  const balancer = balancerOf('a', 'b', 'c')
  balancer.configure({ ...settings, coolOff: 0 })
  const counts = serve(balancer, 0, 60_000, (host, now) =>
    balancer.succeeded(host, now, now + (host === 'a' ? 100 : 10)),
  )
  assert.ok((counts['a'] ?? 0) <= 30, `${counts['a']} of 3000`)
})

test('hosts that went together come back together: a probe that went well lets the next one go', () => {
  const ids = Array.from({ length: 10 }, (_, index) => `h${index}`)
  const balancer = balancerOf('well', ...ids)
  const down = new Set(ids)
  function end(host: string, now: number): void {
    if (down.has(host)) balancer.failed(host, now, now + 3000, 0)
    else balancer.succeeded(host, now, now + 10)
  }
  serve(balancer, 0, 20_000, end)
  assert.ok(balancer.states().filter(({ failures }) => failures > 0).length === 10)
  down.clear()
  // Past the longest rest, and one dear probe's turn.
  serve(balancer, 60_000, 65_000, end)
  assert.deepEqual(
    balancer.states().filter(({ failures }) => failures > 0),
    [],
  )
})

test('what an error leaves after a success grows with each time that the host goes out, up to coolOff', () => {
  const balancer = balancerOf('a', 'b')
  const rests: number[] = []
  let now = 0
  for (let i = 0; i < 5; i += 1) {
    while (pickHost(balancer, now) !== 'a') {
      balancer.succeeded('b', now, now + 10)
      now += 20
    }
    balancer.failed('a', now, now, 0)
    now = stateOf(balancer, 'a').outUntil
    // The next one is the probe.
    while (pickHost(balancer, now) !== 'a') {
      balancer.succeeded('b', now, now + 10)
      now += 20
    }
    balancer.succeeded('a', now, now + 10)
    const since = now + 10
    now += 20
    while (pickHost(balancer, now) !== 'a') {
      balancer.succeeded('b', now, now + 10)
      now += 20
    }
    balancer.succeeded('a', now, now + 10)
    rests.push(Math.round((now - since) / 1000))
    now += 20
  }
  assert.deepEqual(rests.slice(0, 3), [1, 4, 16])
  for (const rest of rests.slice(3)) assert.ok(rest >= 55 && rest <= 64, `${rest} s`)
})

test('without a success an error counts for coolOff', () => {
  const balancer = balancerOf('a', 'b', 'c')
  balancer.paused(pickHost(balancer, 0), 0, 0, 100_000)
  assert.equal(pickHost(balancer, 0), 'b')
  balancer.failed('b', 0, 0, 0)
  // A 429 says that it is no longer out, and not that it is well.
  const probe = balancer.pick(100)
  assert.deepEqual(probe, { host: 'b', probe: true })
  balancer.paused('b', 100, 110, 200)
  for (const now of [1000, 30_000, 59_990]) {
    assert.equal(pickHost(balancer, now), 'c')
    balancer.succeeded('c', now, now + 5)
  }
  assert.equal(pickHost(balancer, 60_000), 'b')
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
  const next: string[] = []
  for (let i = 0; i < 2; i += 1) {
    next.push(pickHost(balancer, now))
    balancer.succeeded(next[i] ?? '', now, (now += 10))
  }
  assert.deepEqual([first, ...next].toSorted(), ['a', 'b', 'c'])
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
  balancer.paused('a', 0, 1, 5000)
  assert.deepEqual(balancer.pick(1), { waitUntil: 5000 })
  assert.equal(balancer.allOut(), false)
  assert.deepEqual(balancer.pick(5000), { host: 'a', probe: false })
  assert.equal(balancer.states()[0]?.lastError, Number.NEGATIVE_INFINITY)
})

test('a host back from a 429 gets one batch until it takes one', () => {
  const balancer = balancerOf('a')
  pickHost(balancer, 0)
  balancer.paused('a', 0, 1, 1000)
  assert.equal(pickHost(balancer, 1000), 'a')
  assert.deepEqual(balancer.pick(1000), { waitUntil: Number.POSITIVE_INFINITY })
})

test('a late host comes last: over 5 times the usual answer time, 50 ms at least and 1 s at most', () => {
  for (const [usual, late] of [
    [1, 50],
    [10, 50],
    [40, 200],
    [500, 1000],
  ] as const) {
    const balancer = createBalancer(settings)
    balancer.setHosts([{ id: 'a' }, { id: 'b' }])
    for (let i = 0; i < 60; i += 1) {
      const at = -60_000 + i * 1000
      balancer.succeeded(pickHost(balancer, at), at, at + usual)
    }
    assert.equal(pickHost(balancer, 0), 'a')
    // Least in flight and least recently used would both say a.
    assert.equal(pickHost(balancer, late), 'b')
    assert.equal(pickHost(balancer, late), 'a', 'in time')
    assert.equal(pickHost(balancer, late), 'b')
    assert.equal(pickHost(balancer, late + 1), 'b', 'late')
  }
})

test('a silent host gets nothing while another is well, be that one full, and something when all are silent', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  for (let i = 0; i < maxInFlight; i += 1) assert.equal(pickHost(balancer, 1001), 'b')
  assert.deepEqual(balancer.pick(1001), { waitUntil: Number.POSITIVE_INFINITY })
  assert.equal(pickHost(balancer, 2002), 'a')
})

test('a slow host gets one in 200 batches, and its part again soon after it is fast', () => {
  const balancer = balancerOf('a', 'b', 'c')
  let speed = 100
  function end(host: string, now: number): void {
    balancer.succeeded(host, now, now + (host === 'a' ? speed : 10))
  }
  serve(balancer, 0, 1000, end)
  const slow = serve(balancer, 1000, 41_000, end)
  assert.ok((slow['a'] ?? 0) >= 9 && (slow['a'] ?? 0) <= 12, `${slow['a']} of 2000`)
  assert.ok(Math.abs((slow['b'] ?? 0) - (slow['c'] ?? 0)) <= 12)
  speed = 10
  serve(balancer, 41_000, 46_000, end)
  const fast = serve(balancer, 46_000, 52_000, end)
  assert.equal(fast['a'], 100)
})

test('one slow answer makes no host slow, and a load that slows all makes none', () => {
  const balancer = balancerOf('a', 'b', 'c')
  serve(balancer, 0, 6000, (host, now) => {
    balancer.succeeded(host, now, now + (host === 'a' && now === 3000 ? 5000 : 10))
  })
  for (const [from, ms] of [
    [6000, 10],
    [12_000, 300],
  ] as const) {
    const counts = serve(balancer, from, from + 6000, (host, now) =>
      balancer.succeeded(host, now, now + ms),
    )
    for (const count of Object.values(counts)) assert.ok(Math.abs(count - 100) <= 1)
  }
})

test('a second host is found once the first was silent for 1 s and another answered since', () => {
  const balancer = balancerOf('a', 'b', 'c')
  assert.equal(pickHost(balancer, 0), 'a')
  assert.deepEqual(balancer.pickSecond('a', 0, 500), { waitUntil: 1000 })
  assert.deepEqual(balancer.pickSecond('a', 0, 1000), { waitUntil: 1250 }, 'nobody answered')
  assert.equal(pickHost(balancer, 1000), 'b')
  balancer.succeeded('b', 1000, 1010)
  assert.deepEqual(balancer.pickSecond('a', 0, 1250), { host: 'b', probe: false })
  assert.equal(stateOf(balancer, 'b').inFlight, 1)
})

test('a host that answers others is not silent', () => {
  const balancer = balancerOf('a', 'b')
  const [first, , third] = [0, 0, 500].map((now) => pickHost(balancer, now))
  assert.deepEqual([first, third], ['a', 'a'])
  balancer.succeeded('a', 500, 900)
  assert.deepEqual(balancer.pickSecond('a', 0, 1000), { waitUntil: 1900 })
})

test('a second host is neither out, paused, full, slow nor silent itself', () => {
  const balancer = balancerOf('a', 'b')
  assert.equal(pickHost(balancer, 0), 'a')
  assert.equal(pickHost(balancer, 0), 'b')
  balancer.succeeded('b', 0, 10)
  for (let i = 0; i < maxInFlight; i += 1) assert.equal(pickHost(balancer, 1000), 'b')
  assert.ok('waitUntil' in balancer.pickSecond('a', 0, 1000), 'full')
  balancer.paused('b', 1000, 1001, 5000)
  assert.ok('waitUntil' in balancer.pickSecond('a', 0, 1001), 'paused')
  balancer.failed('b', 1000, 1002, 0)
  assert.ok('waitUntil' in balancer.pickSecond('a', 0, 6000), 'out')
})

test('each second copy that the first host made needless doubles the patience with it, a failure resets it', () => {
  const balancer = balancerOf('a', 'b')
  let now = 0
  const patience: number[] = []
  for (let i = 0; i < 4; i += 1) {
    while (pickHost(balancer, now) !== 'a') balancer.succeeded('b', now, (now += 20))
    const from = now
    let second = balancer.pickSecond('a', from, now)
    while ('waitUntil' in second) {
      now += 10
      const host = pickHost(balancer, now)
      if (host === 'b') balancer.succeeded('b', now, now + 5)
      else balancer.released(host, now)
      second = balancer.pickSecond('a', from, now)
    }
    patience.push(Math.round((now - from) / 1000))
    balancer.released('b', now)
    if (i === 2) balancer.failed('a', from, now + 10, 0)
    else balancer.succeeded('a', from, now + 10)
    now += 100_000
    balancer.succeeded(pickHost(balancer, now, 'b'), now, (now += 10))
    now += 70_000
  }
  assert.deepEqual(patience, [1, 2, 4, 1])
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
  prove(balancer, -10, 2)
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
