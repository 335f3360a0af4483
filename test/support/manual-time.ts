/** A Time that stands still until a test moves it. */
import type { Time } from '../../src/dataplane/time.ts'

export interface ManualTime extends Time {
  /** Moves on, calling what is due in the order of its time; lets each call settle before the next. */
  advance(ms: number): Promise<void>
  /** The wall clock alone jumps. */
  jump(ms: number): void
  /** Nobody hears of a timer any more that was set until now: the process that set it is gone. */
  forget(): void
}

export function manualTime(): ManualTime {
  let now = 0
  let wall = Date.parse('2026-11-22T10:00:00Z')
  let timers: { at: number; call: () => void }[] = []

  function after(ms: number, call: () => void): () => void {
    const timer = { at: now + Math.max(0, ms), call }
    timers.push(timer)
    return () => {
      timers = timers.filter((each) => each !== timer)
    }
  }

  return {
    now: () => now,
    date: () => new Date(wall + now),
    after,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const end = (): void => {
          cancel()
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const cancel = after(ms, end)
        signal?.addEventListener('abort', end)
      }),
    async advance(ms) {
      const end = now + ms
      for (;;) {
        const [due] = timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
        if (due === undefined) break
        timers = timers.filter((each) => each !== due)
        now = Math.max(now, due.at)
        due.call()
        await settled()
      }
      now = end
      await settled()
    },
    jump(ms) {
      wall += ms
    },
    forget() {
      timers = []
    },
  }
}

/** All that follows from what has happened without time or the outside has happened too. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
