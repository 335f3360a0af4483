/** A rate limit on plain data: time is an argument. */

export interface Rate {
  perSecond: number
  /** What may come at once after a quiet time. */
  burst: number
}

export interface TokenBucket {
  /** True, and one token fewer, where there was one. */
  take(now: number): boolean
  /** When the next token is there, ms since 1970; not later than now where there is one. */
  readyAt(now: number): number
}

export function createTokenBucket({ perSecond, burst }: Rate): TokenBucket {
  let tokens = burst
  let filledAt: number | undefined

  const fill = (now: number) => {
    const elapsed = Math.max(0, now - (filledAt ?? now))
    tokens = Math.min(burst, tokens + (elapsed * perSecond) / 1000)
    filledAt = now
  }

  return {
    take(now) {
      fill(now)
      // Sums of fractions fall short of one by less than this.
      if (tokens < 1 - 1e-9) return false
      tokens -= 1
      return true
    },
    readyAt(now) {
      fill(now)
      return tokens >= 1 - 1e-9 ? now : now + Math.ceil(((1 - tokens) * 1000) / perSecond)
    },
  }
}
