/** Watches of single objects, each open as long as some link needs it. */
import type { ObjectKey } from '../api/objects.ts'
import type { Cluster, Subscription, WatchEvent } from '../kube/cluster.ts'
import { kinds } from './kinds.ts'
import { reducedSecret } from './reduced.ts'

export interface NamedWatches {
  /** What a link needs from now on. Resolves once all of it was seen. */
  need(link: string, keys: readonly ObjectKey[]): Promise<void>
  /** Looks at an object at once, where it is watched. */
  refresh(key: ObjectKey): void
  stop(): void
}

interface Named {
  subscription: Subscription
  links: Set<string>
}

export function createNamedWatches(
  cluster: Cluster,
  handler: (event: WatchEvent) => void,
): NamedWatches {
  const named = new Map<string, Named>()
  const ofLink = new Map<string, ReadonlySet<string>>()

  const open = ({ name, namespace = '', ...kind }: ObjectKey): Named => {
    const isSecret = kind.kind === kinds.secret.kind
    const where = { namespace, name, ...(isSecret ? { reduce: reducedSecret } : {}) }
    return { subscription: cluster.watch(kind, where, handler), links: new Set() }
  }

  return {
    async need(link, keys) {
      const wanted = new Map(keys.map((key) => [idOf(key), key]))
      for (const [id, key] of wanted) {
        const watch = named.get(id) ?? open(key)
        named.set(id, watch)
        watch.links.add(link)
      }
      for (const id of ofLink.get(link) ?? []) {
        if (wanted.has(id)) continue
        const watch = named.get(id)
        watch?.links.delete(link)
        if (watch?.links.size !== 0) continue
        watch.subscription.stop()
        named.delete(id)
      }
      if (wanted.size === 0) ofLink.delete(link)
      else ofLink.set(link, new Set(wanted.keys()))
      await Promise.all(
        [...wanted.keys()].flatMap((id) => named.get(id)?.subscription.synced ?? []),
      )
    },
    refresh: (key) => named.get(idOf(key))?.subscription.refresh(),
    stop() {
      for (const { subscription } of named.values()) subscription.stop()
    },
  }
}

/** Without the version, which the kinds that are watched by name have one of. */
function idOf({ kind, namespace = '', name }: Pick<ObjectKey, 'kind' | 'namespace' | 'name'>) {
  return `${kind} ${namespace} ${name}`
}
