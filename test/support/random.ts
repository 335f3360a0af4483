/** Numbers that follow from a seed alone: the same on every machine and in every version of Node. */

export interface Random {
  /** [0, 1) */
  next(): number
  /** Both inclusive. */
  integer(from: number, to: number): number
  pick<T>(from: readonly T[]): T
  chance(probability: number): boolean
  /** An index, each as likely as its weight says. */
  weighted(weights: readonly number[]): number
}

/** The mulberry32 generator: 32 bits of state, far more than the draws of one schedule need. */
export function createRandom(seed: number): Random {
  let state = Math.trunc(seed) | 0
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    integer,
    pick(from) {
      if (from.length === 0) throw new Error('Expected something to pick from, got an empty list')
      return from[integer(0, from.length - 1)] as (typeof from)[number]
    },
    chance: (probability) => next() < probability,
    weighted(weights) {
      let left = next() * weights.reduce((sum, each) => sum + each, 0)
      for (const [index, weight] of weights.entries()) {
        left -= weight
        if (left < 0) return index
      }
      return weights.length - 1
    },
  }
}
