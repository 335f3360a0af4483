/** Links by namespace, kept by a watch, so that an admission request costs no request to the cluster. */
import type { LogstashLink } from '../api/link.ts'
import { apiVersion, kind } from '../api/names.ts'
import { parseLink } from '../api/validate.ts'
import type { Cluster, WatchEvent } from '../kube/cluster.ts'
import { createListeners } from './listeners.ts'

export interface LinkIndex {
  /** Resolves once all that exist are here; nothing is known before. */
  synced: Promise<void>
  /** False until `synced`. */
  isSynced(): boolean
  /** Those of one namespace, in the order in which they became known. */
  inNamespace(namespace: string): LogstashLink[]
  /** Namespaces that have links, sorted. */
  namespaces(): string[]
  /** After a link came, went or got another spec. The returned function ends it. */
  onChange: (listener: () => void) => () => void
  stop(): void
}

export function createLinkIndex(cluster: Cluster): LinkIndex {
  const byNamespace = new Map<string, Map<string, LogstashLink>>()
  const listeners = createListeners()
  let synced = false

  const remove = (namespace: string, name: string): boolean => {
    const links = byNamespace.get(namespace)
    const found = links?.delete(name) ?? false
    if (links?.size === 0) byNamespace.delete(namespace)
    return found
  }

  const onLink = ({ type, object }: WatchEvent) => {
    const { namespace = '', name, uid, generation } = object.metadata
    const before = byNamespace.get(namespace)?.get(name)?.metadata
    // Status changes often and says nothing here. A deletion that has begun counts as a generation.
    const isKnown = before !== undefined && before.uid === uid && before.generation === generation
    if (type !== 'DELETED' && isKnown) return
    // A link that was written before a rule existed must not spoil the injection of the others.
    const link = type === 'DELETED' ? undefined : parseLink(object).link
    if (link === undefined) {
      if (remove(namespace, name)) listeners.tell()
      return
    }
    const links = byNamespace.get(namespace) ?? new Map<string, LogstashLink>()
    // What it became is nobody's business here, and is the larger half of a link.
    const { status: _status, ...written } = link
    byNamespace.set(namespace, links.set(name, written))
    listeners.tell()
  }

  const subscription = cluster.watch({ apiVersion, kind }, {}, onLink)
  return {
    synced: subscription.synced.then(() => {
      synced = true
    }),
    isSynced: () => synced,
    inNamespace: (namespace) => [...(byNamespace.get(namespace)?.values() ?? [])],
    namespaces: () => [...byNamespace.keys()].toSorted(),
    onChange: listeners.add,
    stop: () => subscription.stop(),
  }
}
