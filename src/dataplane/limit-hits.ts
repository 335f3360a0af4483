/** Limits that were reached: each is counted, and named in the log once a minute at most, with how often it was since. */
import type { Log } from '../telemetry/log.ts'
import type { Time } from './time.ts'

/** `details` are for the log alone; the first since the last line are told. */
export type LimitHits<Limit extends string> = (limit: Limit, details?: object) => void

const quiet = 60_000

export function createLimitHits<Limit extends string>({
  count,
  log,
  time,
}: {
  count(this: void, limit: Limit): void
  log: Log
  time: Pick<Time, 'now'>
}): LimitHits<Limit> {
  const said = new Map<Limit, { at: number; since: number }>()
  return (limit, details = {}) => {
    count(limit)
    const now = time.now()
    const last = said.get(limit)
    if (last !== undefined && now - last.at < quiet) {
      last.since += 1
      return
    }
    said.set(limit, { at: now, since: 0 })
    log.warn({ limit, before: last?.since ?? 0, ...details }, 'A limit was reached')
  }
}
