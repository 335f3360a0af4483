const first = 100
export const longestBackOff = 30_000

/** Pause after so many failures in a row, ms: 0.1 s doubling to 30 s, of which a random quarter is taken off. */
export function backOff(failures: number, random: number): number {
  const whole = Math.min(longestBackOff, first * 2 ** Math.min(failures - 1, 20))
  return whole * (1 - random / 4)
}
