/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/controller/clock.ts'

export interface FakeClock extends Clock {
  /** Moves time on, firing timers in the order of their times; each fires with its own time as now. */
  advance(ms: number): void
  /** Timers that have not fired. */
  pending(): number
}

export function fakeClock(start = Date.parse('2026-11-22T10:00:00Z')): FakeClock {
  let now = start
  const timers = new Set<{ at: number; callback: () => void }>()

  return {
    now: () => now,
    setTimer(callback, ms) {
      const timer = { at: now + Math.max(0, ms), callback }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.callback()
      }
      now = end
    },
    pending: () => timers.size,
  }
}
