/** What is remembered of a link's workloads between two looks. Losing it costs time and reads, never a second restart. */

export interface RolloutMemory {
  /** Since when pods of the workload have been lacking what is wanted, ms since 1970. */
  lackingSince(link: string, workload: string, wanted: string, now: number): number
  /** The workload was seen with all its pods anew, and is not asked for again. */
  settle(link: string, workload: string, wanted: string): void
  isSettled(link: string, workload: string, wanted: string): boolean
  /** Nothing lacks, or nothing may be done about it: the time counts anew. */
  nothingLacks(link: string): void
  /** Of those that failed, the ones that had not the last time. */
  newlyFailed(link: string, failed: readonly string[]): string[]
  forget(link: string): void
}

interface OfLink {
  lacking: Map<string, { wanted: string; since: number }>
  settled: Map<string, string>
  failed: readonly string[]
}

export function createRolloutMemory(): RolloutMemory {
  const links = new Map<string, OfLink>()
  const of = (link: string): OfLink => {
    const found = links.get(link) ?? { lacking: new Map(), settled: new Map(), failed: [] }
    links.set(link, found)
    return found
  }

  return {
    lackingSince(link, workload, wanted, now) {
      const { lacking, settled } = of(link)
      settled.delete(workload)
      const before = lacking.get(workload)
      if (before?.wanted === wanted) return before.since
      lacking.set(workload, { wanted, since: now })
      return now
    },
    settle(link, workload, wanted) {
      const { lacking, settled } = of(link)
      lacking.delete(workload)
      settled.set(workload, wanted)
    },
    isSettled: (link, workload, wanted) => links.get(link)?.settled.get(workload) === wanted,
    nothingLacks: (link) => void links.delete(link),
    newlyFailed(link, failed) {
      const before = of(link)
      const fresh = failed.filter((workload) => !before.failed.includes(workload))
      before.failed = failed
      return fresh
    },
    forget: (link) => void links.delete(link),
  }
}
