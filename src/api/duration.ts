/** Durations in the form of Gateway API, a subset of Go's: `50ms`, `60s`, `2160h`, `1h30m`. */
import { TerminalError } from '../errors.ts'
import { duration } from './patterns.ts'
import { show } from './show.ts'

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * → milliseconds.
 * @throws TerminalError LSL_DURATION_INVALID that names `field`
 */
export function parseDuration(text: string, field: string): number {
  if (!new RegExp(duration.pattern).test(text))
    throw new TerminalError('LSL_DURATION_INVALID', [field, show(text)])
  return text
    .matchAll(/([0-9]+)([a-z]+)/g)
    .reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? Number.NaN), 0)
}
