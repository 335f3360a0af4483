import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { maxInFlight } from '../../../src/dataplane/balancer/balanced-host.ts'
import { createBalancer } from '../../../src/dataplane/balancer/balancer.ts'
import { createRandom } from '../../support/random.ts'

type Step =
  | { what: 'pick' }
  | { what: 'second'; index: number }
  | { what: 'pass'; ms: number }
  | { what: 'end'; index: number; how: 'succeeded' | 'failed' | 'paused'; random: number }
  | { what: 'hosts'; mask: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('pick' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('second' as const), index: fc.nat(20) }),
  },
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

test('whatever happens, bounds hold, who may be asked is, and nobody else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
      balancer.setHosts(names.map((id) => ({ id })))
      const running: { host: string; at: number }[] = []
      let now = 0
      for (const each of steps) {
        const before = balancer.states().filter(({ removed }) => !removed)
        const known = (id: string) => before.find((host) => host.id === id)
        if (each.what === 'pass') now += each.ms
        else if (each.what === 'hosts') {
          balancer.setHosts(names.filter((_, i) => each.mask & (1 << i)).map((id) => ({ id })))
        } else if (each.what === 'end') {
          const [ended] = running.splice(each.index % Math.max(1, running.length), 1)
          if (ended === undefined) continue
          if (each.how === 'succeeded') balancer.succeeded(ended.host, ended.at, now)
          else if (each.how === 'failed') balancer.failed(ended.host, ended.at, now, each.random)
          else balancer.paused(ended.host, ended.at, now, now + 1000)
        } else if (each.what === 'second') {
          const first = running[each.index % Math.max(1, running.length)]
          if (first === undefined) continue
          const second = balancer.pickSecond(first.host, first.at, now)
          if ('waitUntil' in second) {
            assert.ok(second.waitUntil > now)
            continue
          }
          const state = known(second.host)
          assert.ok(state && second.host !== first.host && state.failures === 0)
          assert.ok(now >= state.pausedUntil && state.lastSuccess > first.at)
          running.push({ host: second.host, at: now })
        } else {
          const pick = balancer.pick(now)
          const idle = before.filter(
            (host) => host.inFlight === 0 && now >= host.outUntil && now >= host.pausedUntil,
          )
          const allOut = before.every(({ failures }) => failures > 0)
          if ('waitUntil' in pick) {
            assert.ok(allOut ? idle.length === 0 : idle.every(({ failures }) => failures > 0))
            assert.ok(pick.waitUntil > now)
            // Else nothing would ever call again.
            assert.ok(pick.waitUntil < Infinity || before.length === 0 || running.length > 0)
          } else {
            running.push({ host: pick.host, at: now })
            const state = known(pick.host)
            assert.ok(state, 'only a listed host is picked')
            assert.ok(now >= state.pausedUntil, 'a paused host is never picked')
            assert.ok(now >= state.outUntil || allOut, 'one that is out only when all are')
            assert.ok(state.failures === 0 || state.inFlight === 0, 'a trial is one batch')
          }
        }
        for (const { id, inFlight } of balancer.states()) {
          assert.equal(inFlight, running.filter(({ host }) => host === id).length)
          assert.ok(inFlight <= maxInFlight)
        }
      }
    }),
    { numRuns: 500 },
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

test('no host starves: each that was out and is well again has its part within coolOff', () => {
  fc.assert(
    fc.property(
      fc.nat(3),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(1, 3000, 10_000),
      fc.constantFrom(50, 500),
      (failing, failures, took, every) => {
        const balancer = createBalancer({ coolOff: 60_000, preferSameZone: false })
        balancer.setHosts(names.map((id) => ({ id })))
        let left = failures
        let wellAt = 0
        const from = 15 * 60_000
        const shares = new Map<string, number>()
        const ends: { at: number; end: () => void }[] = []
        for (let now = 0; now < from + 60_000; now += every) {
          for (const { end } of ends.filter(({ at }) => at <= now)) end()
          ends.splice(0, ends.length, ...ends.filter(({ at }) => at > now))
          const pick = balancer.pick(now)
          if ('waitUntil' in pick) continue
          const { host } = pick
          if (now >= from) shares.set(host, (shares.get(host) ?? 0) + 1)
          const fails = host === names[failing] && left > 0
          if (fails) {
            left -= 1
            wellAt = now + took
          }
          const at = fails ? now + took : now + 10
          ends.push({
            at,
            end: () =>
              fails ? balancer.failed(host, now, at, 0.5) : balancer.succeeded(host, now, at),
          })
        }
        assert.equal(left, 0)
        if (wellAt > from - 3 * 60_000) return
        const even = 60_000 / every / names.length
        for (const name of names) {
          const share = (shares.get(name) ?? 0) / even
          assert.ok(share > 0.95 && share < 1.05, `${name}: ${share}`)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('no herd: a host that is new or back is never asked by more than a few senders at once', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 4, max: 10 }),
      fc.boolean(),
      (seed, count, isNew) => {
        const chances = createRandom(seed)
        const random = (): number => chances.next()
        const ids = Array.from({ length: count }, (_, index) => `h${index}`)
        const [changing] = ids
        const senders = Array.from({ length: 60 }, () => ({
          balancer: createBalancer({ coolOff: 60_000, preferSameZone: false }),
          // Each sends a batch every 100 ms: nothing but the balancer spreads them.
          phase: Math.floor(random() * 100),
        }))
        const list = (which: readonly string[]): void => {
          for (const { balancer } of senders) {
            balancer.setHosts(
              which.map((id) => ({ id })),
              random(),
            )
          }
        }
        list(isNew ? ids.slice(1) : ids)
        const perWindow: number[] = []
        for (let now = 0; now < 40_000; now += 1) {
          if (now === 10_000) list(ids)
          const isDown = now < 10_000
          for (const { balancer, phase } of senders) {
            if (now % 100 !== phase) continue
            const pick = balancer.pick(now)
            assert.ok('host' in pick)
            if (pick.host !== changing) balancer.succeeded(pick.host, now, now + 5)
            else if (isDown) balancer.failed(pick.host, now, now + 1, random())
            else {
              balancer.succeeded(pick.host, now, now + 5)
              const window = Math.floor((now - 10_000) / 100)
              perWindow[window] = (perWindow[window] ?? 0) + 1
            }
          }
        }
        const even = senders.length / count
        const most = Math.max(...perWindow.filter((each) => each !== undefined))
        assert.ok(most <= 3 * even + 3, `${most} of 60 senders at once, ${even} would be even`)
        const settled = perWindow.slice(200).reduce((sum, each) => sum + (each ?? 0), 0) / 100
        assert.ok(settled > 0.9 * even && settled < 1.1 * even, `${settled}, ${even} is even`)
      },
    ),
    { numRuns: 20 },
  )
})
