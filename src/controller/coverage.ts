/** Which namespaces the webhook is called for, and whose links are to be told when that changes. */
import type { Watches } from './watches.ts'

export interface Coverage {
  covers(namespace: string): boolean
  /** A sentence for why it is not, where that is known. */
  problem?(namespace: string): string | undefined
  /** The returned function ends it. */
  onChange(listener: () => void): () => void
}

/** Without a coverage, every pod that is made is seen to. */
export function followCoverage(
  coverage: Coverage | undefined,
  watches: Pick<Watches, 'namespaces'>,
  enqueue: (link: string) => void,
): { problem: (namespace: string) => string | undefined; stop: () => void } {
  /** What was last told of each namespace. */
  const told = new Map<string, string | undefined>()
  const look = (namespace: string) => {
    if (coverage === undefined || coverage.covers(namespace)) return undefined
    return coverage.problem?.(namespace) ?? notYet
  }
  const stop = coverage?.onChange(() => {
    const namespaces = new Map(watches.namespaces())
    for (const namespace of told.keys()) if (!namespaces.has(namespace)) told.delete(namespace)
    for (const [namespace, links] of namespaces) {
      if (told.has(namespace) && look(namespace) === told.get(namespace)) continue
      for (const link of links) enqueue(link)
    }
  })
  return {
    problem(namespace) {
      const problem = look(namespace)
      told.set(namespace, problem)
      return problem
    },
    stop: () => stop?.(),
  }
}

const notYet = 'The webhook is not called yet for pods of this namespace.'
