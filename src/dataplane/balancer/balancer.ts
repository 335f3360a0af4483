/**
 * Which host gets the next batch. A pure state machine: times (ms) and randomness come in as arguments.
 *
 *            failed: back-off from what the failure took, 0.1 s at least, doubling to 30 s
 *      ┌──────┐ ───────────────────────────────────────────▶ ┌─────┐ ◀──────────────┐
 *   ┌─▶│ well │              failed                          │ out │                │ failed
 *   │  └──────┘   ┌────────────────────────────────────────▶ └─────┘                │
 *   │    │  ▲     │                                            │ back-off over,    │
 *   │ 429│  │ ┌────────┐                                       ▼ see probes.ts     │
 *   │    ▼  │ │ blamed │ ◀──────────── succeeded ────────── ┌───────┐              │
 *   │ ┌────────┐────────┘  1 s, 4 s, 16 s … coolOff,        │ trial │ ─────────────┘
 *   │ │ paused │  │        by how often it went out         └───────┘
 *   │ └────────┘  │                                         one batch in flight at most
 *   └─────────────┘ time is over
 *
 *   A pause lies over any other state. By its answers a host is slow as well (over 3 times the usual), by its oldest
 *   request late (over 5 times the usual, at most 1 s) or silent (no answer at all for 1 s and 10 times the usual).
 *
 * Among the hosts that have room the first of this order is taken:
 *   1. well, then blamed, slow, late; silent ones only when no host is better, full ones counted
 *   2. own zone, if that is preferred   3. least in flight   4. least recently used
 * Room is 4 batches in flight, 1 while the host has not yet taken one (new, or back from out or a pause) or is slow.
 */
import { createAnswerTimes } from './answer-times.ts'
import { backOff } from './back-off.ts'
import {
  isSlow,
  newHost,
  rankOf,
  ranks,
  roomOf,
  shortestPatience,
  silentAt,
  stateOf,
  type BalancedHost,
  type HostState,
} from './balanced-host.ts'
import { createProbes } from './probes.ts'
import { compare, survey, type BalancerSettings } from './survey.ts'

export { maxInFlight, type HostState } from './balanced-host.ts'
export type { BalancerSettings } from './survey.ts'

/** `waitUntil` (ms) may be Infinity: then only an answer or another host can help. */
type Pick = { host: string; probe: boolean } | { waitUntil: number }

export interface Balancer {
  /**
   * Takes the whole new list: what is gone finishes its requests. `random` from 0 to 1 says when the new ones have their
   * turn, 0 being last, and with which of them to begin.
   */
  setHosts(hosts: readonly { id: string; zone?: string }[], random?: number): void
  configure(settings: BalancerSettings): void
  /** Chooses a host and counts a request as begun there; `avoid` is taken only when no other is there. */
  pick(now: number, avoid?: string): Pick
  /**
   * A second host for a request that a silent host has; counts it as begun there. Only a host that answered since that
   * request began is taken: where all are silent a second copy would help nobody.
   */
  pickSecond(id: string, startedAt: number, now: number): Pick
  /** The three ways in which a request ends; `startedAt` is the time that was given to pick. */
  succeeded(id: string, startedAt: number, now: number): void
  /** `random` from 0 to 1 spreads the back-off. */
  failed(id: string, startedAt: number, now: number, random: number): void
  paused(id: string, startedAt: number, now: number, until: number): void
  /** Ends a request that says nothing about its host. */
  released(id: string, startedAt: number): void
  /** True while every listed host has failed last: then other addresses may be looked for. */
  allOut(): boolean
  states(): HostState[]
}

const probeEvery = 1_000
/** How soon a request without a second host is looked at again, ms. */
const secondEvery = 250
const firstBlame = 1_000
const never = Number.NEGATIVE_INFINITY

export function createBalancer(initial: BalancerSettings): Balancer {
  let settings = initial
  const hosts = new Map<string, BalancedHost>()
  let listed: BalancedHost[] = []
  const times = createAnswerTimes()
  const probes = createProbes()
  let uses = 0
  let lastAsked = never

  function finish(id: string, startedAt: number) {
    const host = hosts.get(id)
    const index = host?.requests.findIndex((each) => each.startedAt === startedAt) ?? -1
    if (host === undefined || index === -1) return undefined
    const [request] = host.requests.splice(index, 1)
    host.inFlight -= 1
    if (host.removed && host.inFlight === 0) hosts.delete(id)
    return { host, repeated: request?.repeated ?? false }
  }

  function begin(host: BalancedHost, now: number, probe: boolean): Pick {
    host.requests.push({ startedAt: now, repeated: false })
    host.inFlight += 1
    host.lastUsed = uses += 1
    lastAsked = now
    probes.counted()
    return { host: host.id, probe }
  }

  function beginProbe(host: BalancedHost, now: number): Pick {
    probes.began(host.costly, now)
    return begin(host, now, true)
  }

  function allOut(): boolean {
    return listed.length > 0 && listed.every((host) => host.failures > 0)
  }

  return {
    setHosts(list, random = 0) {
      const wanted = new Map(list.map((each) => [each.id, each]))
      for (const host of hosts.values()) {
        host.removed = !wanted.has(host.id)
        if (host.removed && host.inFlight === 0) hosts.delete(host.id)
      }
      const fresh = [...wanted.keys()].filter((id) => !hosts.has(id))
      // Somewhere in the turn of those that are there: were it always the end, or the beginning, all senders would come to
      // a new host at once.
      const place = uses - random * hosts.size
      const first = Math.floor(random * fresh.length)
      for (const [index, id] of fresh.entries()) {
        const turn = ((index - first + fresh.length) % fresh.length) / fresh.length
        hosts.set(id, newHost(id, undefined, place + turn))
      }
      for (const { id, zone } of wanted.values()) {
        const host = hosts.get(id)
        if (host) host.zone = zone
      }
      listed = [...hosts.values()].filter((host) => !host.removed)
    },
    configure(next) {
      settings = next
    },
    pick(now, avoid) {
      const usual = times.usual(now, listed)
      const seen = survey(listed, { now, usual, avoid }, settings)
      const { best, avoided, due, slow, idle } = seen
      let { soonest } = seen
      if (seen.someoneWell) {
        // A batch that has failed once is risked only where nothing else is to be had.
        const isFirst = avoid === undefined
        const dueAt = due ? probes.nextAt(due.costly, settings.coolOff) : Number.POSITIVE_INFINITY
        if (due && isFirst && now >= dueAt) return beginProbe(due, now)
        if (slow && isFirst && now >= probes.nextAt(true, settings.coolOff)) {
          probes.began(true, now)
          return begin(slow, now, false)
        }
        if (best && seen.bestRank < ranks.silent) return begin(best, now, false)
        if (avoided) return begin(avoided, now, false)
        if (due && now >= dueAt) return beginProbe(due, now)
        return { waitUntil: Math.min(soonest, dueAt) }
      }
      // Nobody is well: whoever may be asked is, and if all are out one a second before its time.
      if (due) return beginProbe(due, now)
      const silent = best ?? avoided
      if (silent && !seen.someonePaused) return begin(silent, now, false)
      if (allOut() && idle) {
        if (now >= lastAsked + probeEvery) return begin(idle, now, true)
        soonest = Math.min(soonest, lastAsked + probeEvery)
      }
      return { waitUntil: soonest }
    },
    pickSecond(id, startedAt, now) {
      const host = hosts.get(id)
      const request = host?.requests.find((each) => each.startedAt === startedAt)
      if (host === undefined || request === undefined)
        return { waitUntil: Number.POSITIVE_INFINITY }
      const usual = times.usual(now, listed)
      const at = silentAt(host, startedAt, usual)
      if (now < at) return { waitUntil: at }
      let best: BalancedHost | undefined
      for (const each of listed) {
        if (each === host || each.failures > 0 || now < each.pausedUntil) continue
        if (each.lastSuccess <= startedAt || each.inFlight >= roomOf(each, usual)) continue
        const rank = rankOf(each, now, usual)
        if (rank >= ranks.slow) continue
        if (best === undefined || compare(each, rank, best, rankOf(best, now, usual), settings) < 0)
          best = each
      }
      if (best === undefined) return { waitUntil: now + secondEvery }
      request.repeated = true
      return begin(best, now, false)
    },
    succeeded(id, startedAt, now) {
      const ended = finish(id, startedAt)
      if (ended === undefined) return
      const { host, repeated } = ended
      // The second host took it as well: this one is slow to answer and not dead, so next time it is given longer.
      if (repeated) host.patience *= 2
      const usual = times.usual(now, listed)
      const wasSlow = isSlow(host, usual)
      times.add(host, now - startedAt)
      if (wasSlow && now - startedAt < (host.latency ?? 0)) probes.wentWell(true)
      // An outage that all shared is over, so what their back-offs have grown to says nothing any more: without this the
      // first to come back would carry everything for up to 30 s.
      if (allOut()) {
        for (const other of hosts.values()) {
          other.outUntil = Math.min(other.outUntil, now + probeEvery)
        }
      }
      if (host.failures > 0) {
        const blame = firstBlame * 4 ** (host.strikes - 1)
        host.blamedUntil = Math.min(host.lastError + settings.coolOff, now + blame)
        probes.wentWell(host.costly)
      }
      host.failures = 0
      host.outUntil = never
      host.lastSuccess = now
      host.lastAnswer = now
      host.proven = true
    },
    failed(id, startedAt, now, random) {
      const host = finish(id, startedAt)?.host
      if (host === undefined) return
      // Four requests that one outage ends together are one failure.
      const isCounted = startedAt < host.failedAt
      const counts = now < Math.max(host.lastError, host.blamedUntil) + settings.coolOff
      host.lastError = now
      if (isCounted) return
      if (host.failures === 0) host.strikes = counts ? host.strikes + 1 : 1
      host.failures += 1
      host.failedAt = now
      const took = now - startedAt
      host.costly = took >= shortestPatience
      if (host.costly) probes.cost(now)
      host.outUntil = now + backOff(host.failures, took, random)
      host.blamedUntil = now + settings.coolOff
      host.proven = false
      host.patience = shortestPatience
    },
    paused(id, startedAt, now, until) {
      const host = finish(id, startedAt)?.host
      if (host === undefined) return
      host.pausedUntil = Math.max(host.pausedUntil, until)
      host.lastAnswer = Math.max(host.lastAnswer, now)
      host.proven = false
      // It answers, so it is no longer out.
      host.failures = 0
      host.outUntil = never
    },
    released(id, startedAt) {
      finish(id, startedAt)
    },
    allOut,
    states: () => [...hosts.values()].map(stateOf),
  }
}
