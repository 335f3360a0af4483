/** Who may be asked now, and who comes first. */
import { rankOf, ranks, roomOf, type BalancedHost } from './balanced-host.ts'

export interface BalancerSettings {
  /** How long an error makes a host come after those without, ms; less after it took a batch again. */
  coolOff: number
  preferSameZone: boolean
  /** The sender's own zone, where it is known. */
  zone?: string
}

function isFar(host: BalancedHost, { preferSameZone, zone }: BalancerSettings): boolean {
  return preferSameZone && zone !== undefined && host.zone !== zone
}

/** Negative when a comes first. */
export function compare(
  a: BalancedHost,
  rankOfA: number,
  b: BalancedHost,
  rankOfB: number,
  settings: BalancerSettings,
): number {
  return (
    rankOfA - rankOfB ||
    Number(isFar(a, settings)) - Number(isFar(b, settings)) ||
    a.inFlight - b.inFlight ||
    a.lastUsed - b.lastUsed
  )
}

/** One look at all hosts: this runs for each batch, so it makes no lists. */
export function survey(
  listed: readonly BalancedHost[],
  { now, usual, avoid }: { now: number; usual: number; avoid: string | undefined },
  settings: BalancerSettings,
) {
  let best: BalancedHost | undefined
  let bestRank: number = ranks.silent
  let avoided: BalancedHost | undefined
  /** Out, its back-off over: the one that waits longest. */
  let due: BalancedHost | undefined
  let slow: BalancedHost | undefined
  /** Of those that are out and have nothing in flight, the one that waits longest. */
  let idle: BalancedHost | undefined
  /** Somebody is neither out, silent nor paused, be it full. */
  let someoneWell = false
  let someonePaused = false
  let soonest = Number.POSITIVE_INFINITY
  for (const host of listed) {
    const isOut = host.failures > 0
    const rank = isOut ? ranks.silent : rankOf(host, now, usual)
    if (now < host.pausedUntil) someonePaused = true
    else if (rank < ranks.silent) someoneWell = true
    if (host.inFlight >= roomOf(host, usual)) continue
    if (now < host.pausedUntil || now < host.outUntil) {
      soonest = Math.min(soonest, Math.max(host.pausedUntil, host.outUntil))
      if (now < host.pausedUntil) continue
    }
    if (isOut) {
      if (idle === undefined || host.lastUsed < idle.lastUsed) idle = host
      const isDue = now >= host.outUntil
      if (isDue && (due === undefined || host.lastUsed < due.lastUsed)) due = host
      continue
    }
    if (host.id === avoid) {
      avoided = host
      continue
    }
    if (rank === ranks.slow && host.inFlight === 0) {
      if (slow === undefined || host.lastUsed < slow.lastUsed) slow = host
    }
    if (best === undefined || compare(host, rank, best, bestRank, settings) < 0) {
      best = host
      bestRank = rank
    }
  }
  return { best, bestRank, avoided, due, slow, idle, someoneWell, someonePaused, soonest }
}
