/**
 * Who vouches for a refuser: may a batch of which it took nothing be poison, or is the refuser itself at fault? Others
 * that it took speak for it, yet only if it took them before this batch was sent, and
 *
 *   a batch of several   after such a batch was first refused as a whole: what was taken before a refuser began to refuse
 *                        everything vouches for nobody, or all that comes within a minute would be lost
 *   a single event       after anything was last refused as a whole
 *
 *   taken ─ refused n: kept ─ taken ─ refused n: poison        taken ─ refused 1: poison ─ refused 1: kept
 */

/** Times are ms of one monotonic clock. */
export interface Vouching {
  took(at: number): void
  /** Did it take anything since it last refused a whole batch, and within the last minute? */
  takes(now: number): boolean
  tookWithinMinute(now: number): boolean
  /** Asked once for each batch that was refused as a whole, event by event; remembers the refusal. */
  vouchesFor(count: number, times: { sentAt: number; now: number }): boolean
}

const memory = 60_000

export function createVouching(): Vouching {
  let lastTaken = -Infinity
  /** The first that was taken since the last refusal of a whole batch, and since `doubt` began. */
  let sinceRefusal: number | undefined
  let sinceDoubt: number | undefined
  /** The last batch refused as a whole that nobody vouched for. */
  let doubt: { last: number } | undefined

  function tookWithinMinute(now: number): boolean {
    return now - lastTaken <= memory
  }

  return {
    took(at) {
      lastTaken = at
      sinceRefusal ??= at
      if (doubt !== undefined) sinceDoubt ??= at
    },
    takes: (now) => sinceRefusal !== undefined && tookWithinMinute(now),
    tookWithinMinute,
    vouchesFor(count, { sentAt, now }) {
      if (doubt !== undefined && now - doubt.last > memory) doubt = sinceDoubt = undefined
      const evidence = count === 1 ? sinceRefusal : sinceDoubt
      const vouched = evidence !== undefined && evidence <= sentAt && tookWithinMinute(now)
      sinceRefusal = undefined
      if (vouched) doubt = sinceDoubt = undefined
      else doubt = { last: now }
      return vouched
    },
  }
}
