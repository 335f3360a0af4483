/**
 * One budget of bytes for all requests together, compressed and inflated. A request that is larger than the whole of it
 * goes alone: it waits until the others have gone, and meanwhile no new one begins.
 */

import type { Time } from '../time.ts'

/** What one request holds. */
export interface Lease {
  /**
   * Holds `bytes` in all from now on. True when they are granted, as fewer always are; false: the request must be
   * refused for now, and released.
   */
  hold(this: void, bytes: number): boolean | Promise<boolean>
  /** Gives everything back; whoever waits for a grant hears false, and nothing is granted any more. */
  release(): void
}

export interface Budget {
  /** `announced` is how many bytes will be asked for at least, 0 where nobody knows. */
  lease(announced: number): Lease
  /** A changed setting reaches what is asked for next. */
  limit: number
  readonly used: number
}

interface Waiter {
  lease: Lease
  own: number
  settle(granted: boolean): void
}

/** `patience` is how long, in milliseconds, a request waits to be alone. */
export function createBudget(limit: number, patience: number, time: Time): Budget {
  let used = 0
  let waiter: Waiter | undefined

  function settle(granted: boolean): void {
    const settled = waiter
    waiter = undefined
    settled?.settle(granted)
  }

  function gaveBack(): void {
    if (waiter !== undefined && used === waiter.own) settle(true)
  }

  const budget: Budget = {
    limit,
    get used(): number {
      return used
    },
    lease(announced) {
      let own = 0
      let released = false

      function take(bytes: number): true {
        used += bytes - own
        own = bytes
        return true
      }

      /** True, false, or undefined for one that may wait until it is alone. */
      function decide(bytes: number): boolean | undefined {
        const alone = used === own
        const expected = Math.max(bytes, announced)
        if (own === 0 && !alone) {
          if (waiter !== undefined) return false
          // Known from the first byte on: the rest would be read to be refused.
          if (expected <= budget.limit && used + expected > budget.limit) return false
        }
        if (alone || used - own + bytes <= budget.limit) return true
        return expected <= budget.limit || waiter !== undefined ? false : undefined
      }

      const lease: Lease = {
        hold(bytes) {
          if (released) return false
          if (bytes <= own) {
            take(bytes)
            gaveBack()
            return true
          }
          const decision = decide(bytes)
          if (decision !== undefined) return decision && take(bytes)
          return new Promise((resolve) => {
            const callOff = time.after(patience, () => settle(false))
            waiter = {
              lease,
              own,
              settle(granted) {
                callOff()
                resolve(granted && take(bytes))
              },
            }
          })
        },
        release() {
          if (released) return
          released = true
          if (waiter?.lease === lease) settle(false)
          take(0)
          gaveBack()
        },
      }
      return lease
    },
  }
  return budget
}
