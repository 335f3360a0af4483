/** The links that exist, found by the places that concern them. */
import type { LogstashLink } from '../api/link.ts'
import { keyOf, type KubeObject } from '../api/objects.ts'
import { placesOfLink, placesOfObject } from './concerns.ts'

export interface LinkIndex {
  /** Returns the link as it was before. */
  put(link: LogstashLink): LogstashLink | undefined
  remove(key: string): void
  get(key: string): LogstashLink | undefined
  size(): number
  all(): Iterable<[string, LogstashLink]>
  inNamespace(namespace: string): string[]
  namespaces(): Iterable<string>
  /** Keys of the links that an object may concern. */
  near(object: KubeObject): Set<string>
}

export function createLinkIndex(): LinkIndex {
  const links = new Map<string, LogstashLink>()
  const places = new Map<string, Set<string>>()
  const namespaces = new Map<string, Set<string>>()

  const remove = (key: string) => {
    const link = links.get(key)
    if (link === undefined) return
    links.delete(key)
    for (const place of placesOfLink(link)) drop(places, place, key)
    drop(namespaces, link.metadata.namespace ?? '', key)
  }

  return {
    put(link) {
      const key = keyOf(link)
      const before = links.get(key)
      remove(key)
      links.set(key, link)
      for (const place of placesOfLink(link)) add(places, place, key)
      add(namespaces, link.metadata.namespace ?? '', key)
      return before
    },
    remove,
    get: (key) => links.get(key),
    size: () => links.size,
    all: () => links.entries(),
    inNamespace: (namespace) => [...(namespaces.get(namespace) ?? [])],
    namespaces: () => namespaces.keys(),
    near: (object) =>
      new Set(placesOfObject(object).flatMap((place) => [...(places.get(place) ?? [])])),
  }
}

function add(index: Map<string, Set<string>>, at: string, key: string): void {
  const found = index.get(at)
  if (found === undefined) index.set(at, new Set([key]))
  else found.add(key)
}

function drop(index: Map<string, Set<string>>, at: string, key: string): void {
  const found = index.get(at)
  found?.delete(key)
  if (found?.size === 0) index.delete(at)
}
