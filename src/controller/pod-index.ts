/** Pods as the watches show them, by the links that they concern, so that a reconcile looks at no others. */
import { isDeepStrictEqual } from 'node:util'
import type { LogstashLink } from '../api/link.ts'
import { keyOf, type KubeObject } from '../api/objects.ts'
import type { LinkIndex } from './link-index.ts'
import { concerns } from './observe-pods.ts'

export interface PodIndex {
  /** Returns the links for which something changed. `source` tells pods of one watch from those of another. */
  put(source: string, pod: KubeObject): Set<string>
  remove(source: string, pod: KubeObject): Set<string>
  /** Finds the pods of a link whose selectors are new. */
  track(key: string, link: LogstashLink): void
  forget(key: string): void
  of: (key: string) => KubeObject[]
  /** Forgets what one watch showed of a namespace. */
  dropAll(source: string, namespace: string): void
}

interface Entry {
  pod: KubeObject
  links: Set<string>
}

export function createPodIndex(links: LinkIndex): PodIndex {
  const namespaces = new Map<string, Map<string, Entry>>()
  const ofLink = new Map<string, Map<string, Entry>>()

  const join = (key: string, id: string, entry: Entry) => {
    entry.links.add(key)
    const pods = ofLink.get(key) ?? new Map<string, Entry>()
    ofLink.set(key, pods.set(id, entry))
  }
  const leave = (key: string, id: string) => {
    const pods = ofLink.get(key)
    pods?.delete(id)
    if (pods?.size === 0) ofLink.delete(key)
  }

  const remove = (source: string, pod: KubeObject): Set<string> => {
    const { namespace = '' } = pod.metadata
    const id = idOf(source, pod)
    const pods = namespaces.get(namespace)
    const before = pods?.get(id)
    pods?.delete(id)
    if (pods?.size === 0) namespaces.delete(namespace)
    for (const key of before?.links ?? []) leave(key, id)
    return before?.links ?? new Set()
  }

  return {
    put(source, pod) {
      const { namespace = '' } = pod.metadata
      const id = idOf(source, pod)
      const pods = namespaces.get(namespace) ?? new Map<string, Entry>()
      namespaces.set(namespace, pods)
      const before = pods.get(id)
      for (const key of before?.links ?? []) leave(key, id)
      const entry: Entry = { pod, links: new Set() }
      pods.set(id, entry)
      for (const key of links.near(pod)) {
        const link = links.get(key)
        if (link !== undefined && concerns(link, pod)) join(key, id, entry)
      }
      if (before !== undefined && isSame(before.pod, pod)) return new Set()
      return before === undefined ? entry.links : entry.links.union(before.links)
    },
    remove,
    track(key, link) {
      ofLink.delete(key)
      for (const [id, entry] of namespaces.get(link.metadata.namespace ?? '') ?? []) {
        entry.links.delete(key)
        if (concerns(link, entry.pod)) join(key, id, entry)
      }
    },
    forget(key) {
      for (const entry of ofLink.get(key)?.values() ?? []) entry.links.delete(key)
      ofLink.delete(key)
    },
    dropAll(source, namespace) {
      for (const { pod } of [...(namespaces.get(namespace)?.entries() ?? [])]
        .filter(([id]) => id.startsWith(`${source} `))
        .map(([, entry]) => entry)) {
        remove(source, pod)
      }
    },
    of: (key) => [...(ofLink.get(key)?.values() ?? [])].map(({ pod }) => pod),
  }
}

function idOf(source: string, pod: KubeObject): string {
  return `${source} ${keyOf(pod)}`
}

/** But for the version, which moves on with much that was left out of a reduced pod. */
function isSame(a: KubeObject, b: KubeObject): boolean {
  const [one, other] = [a, b].map(({ metadata, ...rest }) => {
    const { resourceVersion: _version, ...kept } = metadata
    return { ...rest, metadata: kept }
  })
  return isDeepStrictEqual(one, other)
}
