/** Awaits a condition, with a limit: the one way in which tests wait for something outside themselves. */
import { setTimeout as delay } from 'node:timers/promises'

/** Calls `attempt` until it neither throws nor rejects; its last error is the cause when the limit is over. */
export async function eventually<T>(
  what: string,
  attempt: () => T | Promise<T>,
  { limitMs = 30_000, everyMs = 20 }: { limitMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() >= deadline) {
        throw new Error(`Within ${limitMs} ms it was never true that ${what}`, { cause: error })
      }
      await delay(everyMs)
    }
  }
}
