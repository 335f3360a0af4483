const first = 100
const longest = 30_000

/**
 * Pause after so many failures in a row, ms: begins with what the last one took, 0.1 s at least, and doubles to 30 s; a
 * random quarter is taken off.
 */
export function backOff(failures: number, took: number, random: number): number {
  const begin = Math.max(first, took)
  const whole = Math.min(longest, begin * 2 ** Math.min(failures - 1, 20))
  return whole * (1 - random / 4)
}
