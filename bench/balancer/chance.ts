import { createRandom } from '../../test/support/random.ts'

/** Random numbers from a seed, so that a run repeats exactly. */
export interface Chance {
  /** From 0 to 1, 1 excluded. */
  uniform(this: void): number
  exponential(this: void, mean: number): number
  /** Log-normal with a sigma of 0.5: the 99th percentile is 3.2 times the median. */
  service(this: void, mean: number): number
}

const sigma = 0.5

export function createChance(seed: number): Chance {
  const random = createRandom(seed)
  const uniform = (): number => random.next()
  return {
    uniform,
    exponential: (mean) => -mean * Math.log(1 - uniform()),
    service(mean) {
      const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
      return mean * Math.exp(sigma * normal - sigma ** 2 / 2)
    },
  }
}
