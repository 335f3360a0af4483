/**
 * Which host gets the next batch. A pure state machine: times (ms) and randomness come in as arguments.
 *
 *                 failed: back-off 0.1 s, doubling to 30 s
 *      ┌──────┐ ────────────────────────────────▶ ┌─────┐ ◀───────────────┐
 *      │ well │                                   │ out │                 │ failed
 *      └──────┘ ◀──────────┐                      └─────┘                 │
 *        │  ▲              │ succeeded               │ back-off is over,  │
 *   429  │  │ pause over   │                         ▼ or all are out: one probe a second
 *        ▼  │              │                      ┌───────┐               │
 *      ┌────────┐          └───────────────────── │ trial │ ──────────────┘
 *      │ paused │  (no error; lies over any       └───────┘
 *      └────────┘   of the other states)            one batch in flight at most
 *
 * Among the hosts that may get a batch the first of this order is taken:
 *   1. its oldest request is at most 1 s old   2. no error within coolOff   3. own zone, if that is preferred
 *   4. least in flight                         5. least recently used
 */
import { backOff } from './back-off.ts'

export interface BalancerSettings {
  /** How long an error makes a host come after those without, ms. */
  coolOff: number
  preferSameZone: boolean
  /** The sender's own zone, where it is known. */
  zone?: string
}

interface BalancedHost {
  id: string
  zone?: string
}

/** `waitUntil` (ms) may be Infinity: then only an answer or another host can help. */
type Pick = { host: string; probe: boolean } | { waitUntil: number }

/** A host as it stands, for /status and metrics. */
export interface HostState {
  id: string
  inFlight: number
  /** Failures in a row; 0 means well. */
  failures: number
  /** When it may be asked again, after a failure or a 429; in the past where nothing keeps it. */
  outUntil: number
  pausedUntil: number
  lastError: number
  lastSuccess: number
  /** Left the list and finishes what it has. */
  removed: boolean
}

export const maxInFlight = 4
const slowAfter = 1000
const probeEvery = 1000

interface Host extends HostState {
  zone: string | undefined
  lastUsed: number
  /** Failures of requests that began before this moment were counted already. */
  failedAt: number
  /** Start times of what is in flight, oldest first. */
  started: number[]
}

export interface Balancer {
  /** Takes the whole new list: what is gone finishes its requests, what is new begins well. */
  setHosts(hosts: readonly BalancedHost[]): void
  configure(settings: BalancerSettings): void
  /** Chooses a host and counts a request as begun there; `avoid` is taken only when no other is there. */
  pick(now: number, avoid?: string): Pick
  /** The three ways in which a request ends; `startedAt` is the time that was given to pick. */
  succeeded(id: string, startedAt: number, now: number): void
  /** `random` from 0 to 1 spreads the back-off. */
  failed(id: string, startedAt: number, now: number, random: number): void
  paused(id: string, startedAt: number, until: number): void
  /** Ends a request that says nothing about its host. */
  released(id: string, startedAt: number): void
  /** True while every listed host has failed last: then other addresses may be looked for. */
  allOut(): boolean
  states(): HostState[]
}

export function createBalancer(initial: BalancerSettings): Balancer {
  let settings = initial
  const hosts = new Map<string, Host>()
  let uses = 0
  let lastAsked = Number.NEGATIVE_INFINITY

  function finish(id: string, startedAt: number): Host | undefined {
    const host = hosts.get(id)
    const index = host?.started.indexOf(startedAt) ?? -1
    if (host === undefined || index === -1) return undefined
    host.started.splice(index, 1)
    host.inFlight -= 1
    if (host.removed && host.inFlight === 0) hosts.delete(id)
    return host
  }

  function begin(host: Host, now: number, probe: boolean): Pick {
    host.started.push(now)
    host.inFlight += 1
    host.lastUsed = ++uses
    lastAsked = now
    return { host: host.id, probe }
  }

  function allOut(): boolean {
    const listed = [...hosts.values()].filter((host) => !host.removed)
    return listed.length > 0 && listed.every((host) => host.failures > 0)
  }

  function isFree(host: Host, now: number): boolean {
    const room = host.failures > 0 ? 1 : maxInFlight
    return host.inFlight < room && now >= host.outUntil && now >= host.pausedUntil
  }

  return {
    setHosts(list) {
      const wanted = new Map(list.map((each) => [each.id, each]))
      for (const host of hosts.values()) {
        host.removed = !wanted.has(host.id)
        if (host.removed && host.inFlight === 0) hosts.delete(host.id)
      }
      for (const { id, zone } of wanted.values()) {
        const known = hosts.get(id)
        if (known) known.zone = zone
        else hosts.set(id, newHost(id, zone))
      }
    },
    configure(next) {
      settings = next
    },
    pick(now, avoid) {
      const listed = [...hosts.values()].filter((host) => !host.removed)
      const free = listed.filter((host) => isFree(host, now))
      const others = free.filter((host) => host.id !== avoid)
      const best = foremost(others.length > 0 ? others : free, (a, b) =>
        compare(a, b, now, settings),
      )
      if (best) return begin(best, now, best.failures > 0)
      // Nobody may be asked. A host that is well and merely full or paused will be free by itself; only when all have
      // failed is one asked before its time.
      const idle = listed.filter((host) => host.inFlight === 0 && now >= host.pausedUntil)
      const nobodyWell = allOut()
      if (nobodyWell && idle.length > 0 && now >= lastAsked + probeEvery) {
        const longest = foremost(idle, (a, b) => a.lastUsed - b.lastUsed)
        if (longest) return begin(longest, now, true)
      }
      return { waitUntil: soonest(listed, nobodyWell && idle.length > 0, lastAsked, now) }
    },
    succeeded(id, startedAt, now) {
      const host = finish(id, startedAt)
      if (host === undefined) return
      // An outage that all shared is over, so what their back-offs have grown to says nothing any more: without this the
      // first to come back would carry everything for up to 30 s.
      if (allOut()) {
        for (const other of hosts.values()) {
          other.outUntil = Math.min(other.outUntil, now + probeEvery)
        }
      }
      host.failures = 0
      host.outUntil = Number.NEGATIVE_INFINITY
      host.lastSuccess = now
    },
    failed(id, startedAt, now, random) {
      const host = finish(id, startedAt)
      if (host === undefined) return
      host.lastError = now
      // Four requests that one outage ends together are one failure.
      if (startedAt < host.failedAt) return
      host.failures += 1
      host.failedAt = now
      host.outUntil = now + backOff(host.failures, random)
    },
    paused(id, startedAt, until) {
      const host = finish(id, startedAt)
      if (host === undefined) return
      host.pausedUntil = Math.max(host.pausedUntil, until)
      // It answers, so it is no longer out.
      host.failures = 0
      host.outUntil = Number.NEGATIVE_INFINITY
    },
    released(id, startedAt) {
      finish(id, startedAt)
    },
    allOut,
    states: () =>
      [...hosts.values()].map(
        ({ zone: _zone, lastUsed: _used, failedAt: _failed, started: _started, ...state }) => state,
      ),
  }
}

function newHost(id: string, zone: string | undefined): Host {
  const never = Number.NEGATIVE_INFINITY
  return {
    id,
    zone,
    inFlight: 0,
    failures: 0,
    outUntil: never,
    pausedUntil: never,
    lastError: never,
    lastSuccess: never,
    removed: false,
    lastUsed: 0,
    failedAt: never,
    started: [],
  }
}

function foremost(hosts: readonly Host[], compare: (a: Host, b: Host) => number) {
  let best = hosts[0]
  for (const host of hosts) if (best && compare(host, best) < 0) best = host
  return best
}

function compare(a: Host, b: Host, now: number, settings: BalancerSettings): number {
  return (
    order(isSlow(a, now), isSlow(b, now)) ||
    order(hasErrors(a, now, settings), hasErrors(b, now, settings)) ||
    order(isFar(a, settings), isFar(b, settings)) ||
    a.inFlight - b.inFlight ||
    a.lastUsed - b.lastUsed
  )
}

function order(a: boolean, b: boolean): number {
  return Number(a) - Number(b)
}

function isSlow(host: Host, now: number): boolean {
  const [oldest] = host.started
  return oldest !== undefined && now - oldest > slowAfter
}

function hasErrors(host: Host, now: number, { coolOff }: BalancerSettings): boolean {
  return now - host.lastError < coolOff
}

function isFar(host: Host, { preferSameZone, zone }: BalancerSettings): boolean {
  return preferSameZone && zone !== undefined && host.zone !== zone
}

/** When time alone makes a host free: the end of a back-off or a pause, or the next probe. */
function soonest(
  listed: readonly Host[],
  mayProbe: boolean,
  lastAsked: number,
  now: number,
): number {
  const times = listed
    .filter((host) => host.inFlight < (host.failures > 0 ? 1 : maxInFlight))
    .map((host) => Math.max(host.outUntil, host.pausedUntil))
  if (mayProbe) times.push(lastAsked + probeEvery)
  const ahead = times.filter((time) => time > now)
  return ahead.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...ahead)
}
