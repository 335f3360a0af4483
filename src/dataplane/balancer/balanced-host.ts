/** What the balancer knows of one host, and what follows from it alone. Times are ms; what never was is -Infinity. */

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

export interface BalancedHost extends HostState {
  zone: string | undefined
  lastUsed: number
  /** Any answer, a 429 too. */
  lastAnswer: number
  /** Failures of requests that began before this moment were counted already. */
  failedAt: number
  /** Its last failure took so long that a batch should not often be risked on it. */
  costly: boolean
  /** Times that it went out while its errors counted. */
  strikes: number
  /** Comes after others until then. */
  blamedUntil: number
  /** It took a batch since it was new, out or paused. */
  proven: boolean
  /** Recent answer time, ms; undefined before the first. */
  latency: number | undefined
  /** How long it may be silent before its batches go to a second host as well, ms. */
  patience: number
  /** What is in flight, oldest first. */
  requests: { startedAt: number; repeated: boolean }[]
}

export const maxInFlight = 4
/** A second host is asked no sooner than this, ms. */
export const shortestPatience = 1_000

const never = Number.NEGATIVE_INFINITY

export function newHost(id: string, zone: string | undefined, lastUsed: number): BalancedHost {
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
    lastUsed,
    lastAnswer: never,
    failedAt: never,
    costly: false,
    strikes: 0,
    blamedUntil: never,
    proven: false,
    latency: undefined,
    patience: shortestPatience,
    requests: [],
  }
}

export function stateOf({
  id,
  inFlight,
  failures,
  outUntil,
  pausedUntil,
  lastError,
  lastSuccess,
  removed,
}: BalancedHost): HostState {
  return { id, inFlight, failures, outUntil, pausedUntil, lastError, lastSuccess, removed }
}

/** Lower is better. Until `silent` a host takes its part; `silent` gets something only when nobody is better. */
export const ranks = { well: 0, blamed: 1, slow: 2, late: 3, silent: 4 } as const
type Rank = (typeof ranks)[keyof typeof ranks]

/** How many times the usual answer time … a host's own must be to be slow, and its oldest request's age to be late. */
const slowFactor = 3
const lateFactor = 5
const silentFactor = 10
/** Differences below these say nothing, ms. */
const slowFloor = 5
const lateFloor = 50
const lateCeiling = 1_000

/** `usual` is the usual answer time, ms, 0 where it is not known. */
export function rankOf(host: BalancedHost, now: number, usual: number): Rank {
  const oldest = host.requests[0]
  if (oldest !== undefined) {
    if (now > silentAt(host, oldest.startedAt, usual)) return ranks.silent
    const late = usual === 0 ? lateCeiling : Math.max(lateFloor, lateFactor * usual)
    if (now - oldest.startedAt > Math.min(late, lateCeiling)) return ranks.late
  }
  if (isSlow(host, usual)) return ranks.slow
  return now < host.blamedUntil ? ranks.blamed : ranks.well
}

export function isSlow({ latency }: BalancedHost, usual: number): boolean {
  if (latency === undefined || usual === 0) return false
  return latency > slowFactor * usual && latency > usual + slowFloor
}

/** When a host will have been silent for so long that something is wrong; with what began at that time in flight. */
export function silentAt(host: BalancedHost, startedAt: number, usual: number): number {
  return Math.max(startedAt, host.lastAnswer) + Math.max(host.patience, silentFactor * usual)
}

/** How many requests it may have at once. */
export function roomOf(host: BalancedHost, usual: number): number {
  return host.failures > 0 || !host.proven || isSlow(host, usual) ? 1 : maxInFlight
}
