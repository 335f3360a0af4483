/**
 * How long hosts take to answer. A host is measured by the other hosts: what is usual is the median over hosts (the lower
 * one of two), so that neither a slow host nor a larger load of all makes a host slow.
 */
import { isSlow, type BalancedHost } from './balanced-host.ts'

/** Weight of the newest answer: one outlier makes no host slow, several in a row do. */
const weight = 0.2
/** A slow host is asked rarely, so each of its answers says more. */
const weightOfSlow = 0.5
/** An answer counts as at most so many times the usual, so that a single one is soon forgotten. */
const ceiling = 10
/** How old the median may be, ms. */
const refresh = 100

export interface AnswerTimes {
  add(host: BalancedHost, ms: number): void
  /** ms; 0 as long as nothing is known. */
  usual(now: number, hosts: readonly BalancedHost[]): number
}

export function createAnswerTimes(): AnswerTimes {
  let median = 0
  let takenAt = Number.NEGATIVE_INFINITY

  return {
    add(host, ms) {
      const bounded = median > 0 ? Math.min(ms, ceiling * median) : ms
      // The first answer has the making of a connection in it, so it is not believed alone.
      const before = host.latency ?? (median > 0 ? median : bounded)
      const share = isSlow(host, median) ? weightOfSlow : weight
      host.latency = before + share * (bounded - before)
    },
    usual(now, hosts) {
      if (now < takenAt + refresh) return median
      takenAt = now
      const known = new Float64Array(hosts.length)
      let count = 0
      for (const { failures, latency } of hosts) {
        if (failures === 0 && latency !== undefined) known[count++] = latency
      }
      if (count > 0) median = known.subarray(0, count).toSorted()[(count - 1) >> 1] ?? median
      return median
    },
  }
}
