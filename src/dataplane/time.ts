/**
 * Time as the cores of the data plane see it: the machine's in production, a simulated one in test/simulation. What is
 * given a Time uses no other clock and no timer of its own.
 */
import { setTimeout as wait } from 'node:timers/promises'

export interface Time {
  /** Monotonic, ms. */
  now(this: void): number
  /** The wall clock, which may jump. */
  date(this: void): Date
  /** Calls once, `ms` later or a little after; what it answers with calls it off. */
  after(this: void, ms: number, call: () => void): () => void
  /** Resolves `ms` later, or at once when the signal aborts. Never rejects. */
  sleep(this: void, ms: number, signal?: AbortSignal): Promise<void>
}

/** The longest that Node's timers hold; longer ones would fire at once. */
const longest = 2 ** 31 - 1

export const systemTime: Time = {
  now: () => performance.now(),
  date: () => new Date(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(ms, 0), longest))
    return () => clearTimeout(timer)
  },
  async sleep(ms, signal) {
    // Rejects on abort alone, which is no failure here.
    await wait(Math.min(ms, longest), undefined, { signal }).catch(() => undefined)
  },
}
