/** Which file is looked at next: each in its turn, so that a noisy one does not starve the others. */

export interface Turns {
  /** Wants a turn from that time on; an earlier wish stands. */
  ask(key: string, at: number): void
  /** Takes the one that waited longest of those whose time has come. */
  next(now: number): string | undefined
  /** When the next one's time comes; Infinity when nobody waits. */
  nextAt(): number
  drop(key: string): void
}

export function createTurns(): Turns {
  /** In the order in which they asked. */
  const ready = new Set<string>()
  const later = new Map<string, number>()

  function bringForward(now: number): void {
    for (const [key, at] of later) {
      if (at > now) continue
      later.delete(key)
      ready.add(key)
    }
  }

  return {
    ask(key, at) {
      if (ready.has(key)) return
      later.set(key, Math.min(at, later.get(key) ?? Number.POSITIVE_INFINITY))
    },
    next(now) {
      bringForward(now)
      const [key] = ready
      if (key !== undefined) ready.delete(key)
      return key
    },
    nextAt() {
      if (ready.size > 0) return Number.NEGATIVE_INFINITY
      let soonest = Number.POSITIVE_INFINITY
      for (const at of later.values()) soonest = Math.min(soonest, at)
      return soonest
    },
    drop(key) {
      ready.delete(key)
      later.delete(key)
    },
  }
}
