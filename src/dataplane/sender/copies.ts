/**
 * Parts at hosts. A part that a silent host has may go to a second host as well; what is delivered first counts, and only
 * the last one to fail is a failure of the part.
 */
export interface Copies<Part> {
  began(part: Part): void
  /** True for the first delivery. */
  delivered(part: Part): boolean
  isDelivered(part: Part): boolean
  /** How many of it are still at hosts. */
  ended(part: Part): number
  /** False: as many parts as may be are at more than one host. */
  mayCopy(): boolean
}

/** A part that was delivered stays in memory, and in no account, until the silent host has answered or timed out. */
const mostCopies = 16

export function createCopies<Part extends object>(): Copies<Part> {
  const known = new Map<Part, { running: number; delivered: boolean }>()
  let copies = 0

  return {
    began(part) {
      const state = known.get(part)
      if (state === undefined) known.set(part, { running: 1, delivered: false })
      else {
        state.running += 1
        copies += 1
      }
    },
    delivered(part) {
      const state = known.get(part)
      if (state === undefined || state.delivered) return false
      state.delivered = true
      return true
    },
    isDelivered: (part) => known.get(part)?.delivered ?? false,
    ended(part) {
      const state = known.get(part)
      if (state === undefined) return 0
      state.running -= 1
      if (state.running === 0) known.delete(part)
      else copies -= 1
      return state.running
    },
    mayCopy: () => copies < mostCopies,
  }
}
