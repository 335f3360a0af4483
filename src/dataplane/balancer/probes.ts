/**
 * How often a batch may be risked on a host that is out or slow, while others are well. Where asking is cheap (it refuses
 * at once) one of 20 batches or one in 5 s; where it takes long (a time-out, slow answers) one of 200, so that the 99th
 * percentile does not see it, or one in coolOff (5 s at least, a minute at most). A probe that went well lets the next one
 * go at once, so that hosts that went together come back together.
 */
interface Budget {
  batches: number
  lastAt: number
}

const cheap = { batches: 20, ms: 5_000 }
const dear = { batches: 200, longest: 60_000 }

export interface Probes {
  /** A batch went anywhere. */
  counted(): void
  /** When the next may go, ms; -Infinity is now. */
  nextAt(costly: boolean, coolOff: number): number
  began(costly: boolean, now: number): void
  /** A batch was held up by a host, which counts as a dear probe. */
  cost(now: number): void
  wentWell(costly: boolean): void
}

export function createProbes(): Probes {
  const budgets: Record<'cheap' | 'dear', Budget> = { cheap: full(), dear: full() }
  const of = (costly: boolean): Budget => budgets[costly ? 'dear' : 'cheap']

  return {
    counted() {
      budgets.cheap.batches += 1
      budgets.dear.batches += 1
    },
    nextAt(costly, coolOff) {
      const { batches, lastAt } = of(costly)
      if (batches >= (costly ? dear : cheap).batches) return Number.NEGATIVE_INFINITY
      return lastAt + (costly ? Math.min(Math.max(coolOff, cheap.ms), dear.longest) : cheap.ms)
    },
    began(costly, now) {
      Object.assign(of(costly), { batches: 0, lastAt: now })
    },
    cost(now) {
      Object.assign(budgets.dear, { batches: 0, lastAt: now })
    },
    wentWell(costly) {
      Object.assign(of(costly), full())
    },
  }
}

function full(): Budget {
  return { batches: Number.POSITIVE_INFINITY, lastAt: Number.NEGATIVE_INFINITY }
}
