/** Waits with a limit; an abort ends every wait. */
import { setTimeout as delay } from 'node:timers/promises'
import { TerminalError } from '../../errors.ts'

const drainLimit = 30_000

/** Zero as soon as nothing is missing any more; what is missing still when the time is over. */
export async function untilNone(
  missing: () => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const deadline = performance.now() + drainLimit
  for (;;) {
    const count = await missing()
    if (count <= 0 || performance.now() > deadline) return Math.max(0, count)
    await delay(200, undefined, { signal })
  }
}

/** @throws TerminalError LSL_DEMO_STUCK when the limit (ms) is over first */
export async function until<T>(
  what: string,
  limit: number,
  signal: AbortSignal,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limit
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    if (performance.now() > deadline) {
      throw new TerminalError('LSL_DEMO_STUCK', [what, limit / 1000])
    }
    await delay(50, undefined, { signal })
  }
}
