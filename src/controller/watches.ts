/** Watches → keys. Handlers only put keys on the queue; what happened is read again by the reconcile. */
import { isDeepStrictEqual } from 'node:util'
import { annotations, certificateKind } from '../api/names.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Kind, KubeObject } from '../api/objects.ts'
import { keyOf } from '../api/objects.ts'
import type { Cluster, Subscription, WatchEvent } from '../kube/cluster.ts'
import { kinds, zoneLabel } from './kinds.ts'
import { isConcernedBy } from './watch-mapping.ts'

export interface WatchesOptions {
  cluster: Cluster
  /** Look at this link now. */
  enqueue: (key: string) => void
  /** Look at this link soon; several of these become one. */
  enqueueSoon: (key: string) => void
}

export interface Watches {
  /** Resolves once all that existed at the start was seen. */
  synced: Promise<void>
  /** Links that exist. */
  links(): number
  stop(): void
}

const watched: readonly Kind[] = [
  kinds.service,
  kinds.configMap,
  kinds.secret,
  certificateKind,
  kinds.endpointSlice,
  kinds.pod,
]

export function startWatches({ cluster, enqueue, enqueueSoon }: WatchesOptions): Watches {
  const links = new Map<string, LogstashLink>()

  const onLink = ({ type, object }: WatchEvent) => {
    const key = keyOf(object)
    const before = links.get(key)
    if (type === 'DELETED') links.delete(key)
    else links.set(key, object as LogstashLink)
    enqueue(key)
    if (type !== 'DELETED' && before?.metadata.generation === object.metadata.generation) return
    // Links of one namespace compete for ports and names.
    for (const [other, { metadata }] of links) {
      if (other !== key && metadata.namespace === object.metadata.namespace) enqueueSoon(other)
    }
  }

  /** What was last seen, because an object also concerns the links that it concerned before it changed. */
  const seen = new Map<string, KubeObject>()
  const onObject = ({ type, object }: WatchEvent) => {
    const id = `${object.kind} ${keyOf(object)}`
    const before = seen.get(id)
    const now = essence(object)
    if (type === 'DELETED') seen.delete(id)
    else seen.set(id, now)
    if (type !== 'DELETED' && before !== undefined && isDeepStrictEqual(before, now)) return
    for (const [key, link] of links) {
      if (isConcernedBy(link, object) || (before !== undefined && isConcernedBy(link, before))) {
        enqueue(key)
      }
    }
  }

  const zones = new Map<string, string | undefined>()
  const onNode = ({ type, object }: WatchEvent) => {
    const { name, labels } = object.metadata
    const zone = type === 'DELETED' ? undefined : labels?.[zoneLabel]
    if (zones.get(name) === zone) return
    if (zone === undefined) zones.delete(name)
    else zones.set(name, zone)
    for (const [key, { spec }] of links) if (spec.balancing.preferSameZone) enqueueSoon(key)
  }

  const subscriptions: Subscription[] = [
    cluster.watch(kinds.link, {}, onLink),
    ...watched.map((kind) => cluster.watch(kind, {}, onObject)),
    cluster.watch(kinds.node, {}, onNode),
  ]
  return {
    synced: Promise.all(subscriptions.map(({ synced }) => synced)).then(() => undefined),
    links: () => links.size,
    stop() {
      for (const subscription of subscriptions) subscription.stop()
    },
  }
}

/**
 * What of an object can matter to a link. Pods change often in ways that say nothing (probes, our own nudge), so that of
 * them little is kept; of everything else the version, which every change moves on.
 */
function essence({ apiVersion, kind, metadata, ...rest }: KubeObject): KubeObject {
  const { name, namespace, labels, ownerReferences, resourceVersion, deletionTimestamp } = metadata
  const kept = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  }
  if (kind !== kinds.pod.kind) {
    const version = resourceVersion === undefined ? {} : { resourceVersion }
    return { apiVersion, kind, metadata: { ...kept, ...version } }
  }
  const { [annotations.nudged]: _nudged, ...noted } = metadata.annotations ?? {}
  const status = (rest['status'] ?? {}) as PodStatus
  return {
    apiVersion,
    kind,
    metadata: { ...kept, annotations: noted },
    status: {
      phase: status.phase,
      podIP: status.podIP,
      podIPs: status.podIPs,
      ready: status.conditions?.find(({ type }) => type === 'Ready')?.status,
      sidecars: status.initContainerStatuses?.map(({ name, ready }) => ({ name, ready })),
    },
  }
}

interface PodStatus {
  phase?: string
  podIP?: string
  podIPs?: unknown[]
  conditions?: { type: string; status: string }[]
  initContainerStatuses?: { name: string; ready?: boolean }[]
}
