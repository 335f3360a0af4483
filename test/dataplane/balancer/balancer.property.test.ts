import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { createBalancer, maxInFlight } from '../../../src/dataplane/balancer/balancer.ts'

type Step =
  | { what: 'pick' }
  | { what: 'pass'; ms: number }
  | { what: 'end'; index: number; how: 'succeeded' | 'failed' | 'paused'; random: number }
  | { what: 'hosts'; mask: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('pick' as const) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('pass' as const), ms: fc.nat(40_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('end' as const),
      index: fc.nat(20),
      how: fc.constantFrom('succeeded' as const, 'failed' as const, 'paused' as const),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('hosts' as const), mask: fc.nat(15) }),
  },
)

const names = ['a', 'b', 'c', 'd']

test('whatever happens, bounds hold, and nobody out is asked while another is free', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
      balancer.setHosts(names.map((id) => ({ id })))
      const running: { host: string; at: number }[] = []
      let now = 0
      for (const each of steps) {
        if (each.what === 'pass') now += each.ms
        else if (each.what === 'hosts') {
          balancer.setHosts(names.filter((_, i) => each.mask & (1 << i)).map((id) => ({ id })))
        } else if (each.what === 'end') {
          const [ended] = running.splice(each.index % Math.max(1, running.length), 1)
          if (ended === undefined) continue
          if (each.how === 'succeeded') balancer.succeeded(ended.host, ended.at, now)
          else if (each.how === 'failed') balancer.failed(ended.host, ended.at, now, each.random)
          else balancer.paused(ended.host, ended.at, now + 1000)
        } else {
          const before = balancer.states().filter(({ removed }) => !removed)
          const pick = balancer.pick(now)
          const free = before.filter(
            (host) =>
              host.inFlight < (host.failures > 0 ? 1 : maxInFlight) &&
              now >= host.outUntil &&
              now >= host.pausedUntil,
          )
          if ('waitUntil' in pick) {
            assert.equal(free.length, 0)
            assert.ok(pick.waitUntil > now)
          } else {
            running.push({ host: pick.host, at: now })
            const state = before.find(({ id }) => id === pick.host)
            assert.ok(state, 'only a listed host is picked')
            assert.ok(now >= state.pausedUntil, 'a paused host is never picked')
            if (free.length > 0) assert.ok(free.some(({ id }) => id === pick.host))
            else assert.ok(before.every(({ failures }) => failures > 0))
          }
        }
        for (const { id, inFlight } of balancer.states()) {
          assert.equal(inFlight, running.filter(({ host }) => host === id).length)
          assert.ok(inFlight <= maxInFlight)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('healthy hosts get even shares, however long each answer takes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 1, max: 12 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (count, window, durations) => {
        const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
        balancer.setHosts(Array.from({ length: count }, (_, i) => ({ id: `h${i}` })))
        const shares = new Map<string, number>()
        let running: { host: string; at: number; until: number }[] = []
        let now = 0
        const batches = 200 * count
        for (let sent = 0; sent < batches; ) {
          const pick = running.length < window ? balancer.pick(now) : { waitUntil: 0 }
          if ('host' in pick) {
            sent += 1
            shares.set(pick.host, (shares.get(pick.host) ?? 0) + 1)
            const until = now + Number(durations.next().value)
            running.push({ host: pick.host, at: now, until })
            continue
          }
          now = Math.min(...running.map(({ until }) => until))
          for (const { host, at } of running.filter(({ until }) => until <= now)) {
            balancer.succeeded(host, at, now)
          }
          running = running.filter(({ until }) => until > now)
        }
        assert.ok(Math.max(...shares.values()) <= (1.3 * batches) / count)
      },
    ),
    { numRuns: 50 },
  )
})

test('no host starves: each that was out and is well again gets batches after coolOff', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.integer({ min: 1, max: 12 }), (failing, failures) => {
      const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
      balancer.setHosts(names.map((id) => ({ id })))
      let now = 0
      let left = failures
      const last = new Map<string, number>()
      while (now < 10 * 60_000) {
        const pick = balancer.pick(now)
        assert.ok('host' in pick)
        last.set(pick.host, now)
        if (pick.host === names[failing] && left > 0) {
          left -= 1
          balancer.failed(pick.host, now, now, 0.5)
        } else balancer.succeeded(pick.host, now, now)
        now += 500
      }
      // Failures come at most once a minute here, so the last ones may lie near the end.
      for (const name of names) assert.ok(now - (last.get(name) ?? 0) <= 61_000, name)
    }),
    { numRuns: 40 },
  )
})
