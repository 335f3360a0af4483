/** The one source of chance of a run: the same seed gives the same numbers (mulberry32). */
export interface Random {
  /** In [0, 1). */
  float(this: void): number
  /** From `min` to `max`, both inclusive. */
  int(min: number, max: number): number
  between(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

export function createRandom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0

  function float(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  return {
    float,
    int: (min, max) => min + Math.floor(float() * (max - min + 1)),
    between: (min, max) => min + float() * (max - min),
    chance: (probability) => float() < probability,
    pick<T>(list: readonly T[]): T {
      return list[Math.floor(float() * list.length)] as T
    },
  }
}
