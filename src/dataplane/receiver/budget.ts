/**
 * One budget of bytes for all requests together, compressed and inflated. A request that is larger than the whole of it
 * goes alone: it waits until the others have gone, and meanwhile no new one begins.
 */

/** What one request holds. */
export interface Lease {
  /** True when the bytes are granted; false: the request must be refused for now, and released. */
  grow(bytes: number): boolean | Promise<boolean>
  release(): void
}

export interface Budget {
  lease(): Lease
  /** A changed setting reaches what is asked for next. */
  limit: number
  readonly used: number
}

interface Waiter {
  own: number
  settle(granted: boolean): void
}

/** `patience` is how long, in milliseconds, a request waits to be alone. */
export function createBudget(limit: number, patience: number): Budget {
  let used = 0
  let waiter: Waiter | undefined

  function settle(granted: boolean): void {
    const settled = waiter
    waiter = undefined
    settled?.settle(granted)
  }

  const budget = {
    limit,
    get used(): number {
      return used
    },
    lease(): Lease {
      let own = 0
      return {
        grow(bytes) {
          const newcomer = own === 0
          if (waiter !== undefined && newcomer) return false
          if (used + bytes <= budget.limit || used === own) {
            own += bytes
            used += bytes
            return true
          }
          if (own + bytes <= budget.limit || waiter !== undefined) return false
          return new Promise((resolve) => {
            const timer = setTimeout(() => settle(false), patience)
            waiter = {
              own,
              settle(granted) {
                clearTimeout(timer)
                if (granted) {
                  own += bytes
                  used += bytes
                }
                resolve(granted)
              },
            }
          })
        },
        release() {
          used -= own
          own = 0
          if (waiter !== undefined && used === waiter.own) settle(true)
        },
      }
    },
  }
  return budget
}
