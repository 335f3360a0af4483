/**
 * What one watch keeps: the objects by namespace and name. Whatever comes in (pages of a list, events of the watch, answers
 * to one's own writes, in any order) an object never goes back to an older version, and each change is told once.
 *
 * `progress` is the version up to which the watch has told everything. An answer to a write that is not newer than that
 * says nothing new, and may be of an object that was deleted since.
 */
import type { KubeObject } from '../api/objects.ts'
import type { WatchEvent } from './cluster.ts'
import { compareVersions } from './versions.ts'

export interface ObjectStore {
  size(): number
  get(namespace: string | undefined, name: string): KubeObject | undefined
  /** In the order of namespace and name. */
  list(namespace?: string): KubeObject[]
  /** In no order. */
  values(): Iterable<KubeObject>
  /** From the watch. */
  event(type: WatchEvent['type'], object: KubeObject): void
  /** From the watch: there is nothing untold up to this version. */
  reached(version: string): void
  /** Undefined until something was told. */
  progress(): string | undefined
  /** All that exists, page by page; what none of them named is gone. */
  listing(): Listing
  /** What one GET said of the only object that this store is about. */
  holdOnly(object: KubeObject | undefined): void
  /** The answer to a write of one's own; `wanted` false: it is outside of what this store is about. */
  written(object: KubeObject, wanted: boolean): void
  /** What one deleted oneself, and what the server said is gone. */
  erased(key: { namespace?: string; name: string }, uid: string | undefined): void
}

interface Listing {
  page(version: string, objects: Iterable<KubeObject>): void
  /** Returns how many changes the watch should have told before, and did not. */
  end(): number
}

export function createObjectStore(tell: (event: WatchEvent) => void): ObjectStore {
  const namespaces = new Map<string, Map<string, KubeObject>>()
  /** uids that one deleted oneself and of which the watch has not told yet. */
  const buried = new Set<string>()
  let size = 0
  let progress: string | undefined

  const get = (namespace: string | undefined, name: string) =>
    namespaces.get(namespace ?? '')?.get(name)
  const same = ({ metadata }: KubeObject) => get(metadata.namespace, metadata.name)

  const set = (object: KubeObject) => {
    const { namespace = '', name } = object.metadata
    const objects = namespaces.get(namespace) ?? new Map<string, KubeObject>()
    namespaces.set(namespace, objects)
    const type = objects.has(name) ? 'MODIFIED' : 'ADDED'
    if (type === 'ADDED') size += 1
    objects.set(name, object)
    tell({ type, object })
  }

  const drop = (object: KubeObject) => {
    const { namespace = '', name } = object.metadata
    const objects = namespaces.get(namespace)
    if (objects?.delete(name) !== true) return
    size -= 1
    if (objects.size === 0) namespaces.delete(namespace)
    tell({ type: 'DELETED', object })
  }

  const isNews = (object: KubeObject): boolean => {
    const before = same(object)
    return (
      !buried.has(object.metadata.uid ?? '') &&
      (before === undefined || compareVersions(versionOf(before), versionOf(object)) < 0)
    )
  }

  const values = function* () {
    for (const objects of namespaces.values()) yield* objects.values()
  }

  return {
    size: () => size,
    get,
    values,
    progress: () => progress,
    list: (namespace) =>
      [
        ...(namespace === undefined ? values() : (namespaces.get(namespace)?.values() ?? [])),
      ].toSorted(byPlace),
    event(type, object) {
      progress = versionOf(object)
      if (type !== 'DELETED') {
        if (isNews(object)) set(object)
        return
      }
      const before = same(object)
      const known = !buried.delete(object.metadata.uid ?? '') && before !== undefined
      if (known && compareVersions(versionOf(before), progress) <= 0) drop(object)
    },
    reached(version) {
      progress = version
    },
    listing() {
      const before = progress
      const old = new Set(buried)
      const seen = new Set<KubeObject>()
      let listed = ''
      let missed = 0
      const wasTold = (object: KubeObject) =>
        before !== undefined && compareVersions(versionOf(object), before) <= 0
      // A list is never behind what was told before it, unless the cluster itself went back (a backup was restored).
      const isRestored = () => before !== undefined && compareVersions(listed, before) < 0
      return {
        page(version, objects) {
          listed = version
          for (const object of objects) {
            if (isNews(object) || (isRestored() && !sameVersion(same(object), object))) {
              if (wasTold(object)) missed += 1
              set(object)
            }
            const kept = same(object)
            if (kept !== undefined) seen.add(kept)
          }
        },
        end() {
          for (const object of [...values()]) {
            const isNewer = compareVersions(versionOf(object), listed) > 0
            if (seen.has(object) || (isNewer && !isRestored())) continue
            if (before !== undefined) missed += 1
            drop(object)
          }
          for (const uid of old) buried.delete(uid)
          progress = listed
          return missed
        },
      }
    },
    holdOnly(object) {
      const [before] = values()
      if (object === undefined) {
        if (before !== undefined) drop(before)
      } else if (!sameVersion(before, object)) set(object)
    },
    written(object, wanted) {
      if (progress === undefined || compareVersions(versionOf(object), progress) <= 0) return
      const before = same(object)
      if (wanted && isNews(object)) set(object)
      else if (!wanted && before !== undefined && isNews(object)) drop(object)
    },
    erased({ namespace, name }, uid) {
      if (progress === undefined || uid === undefined) return
      const before = get(namespace, name)
      buried.add(uid)
      if (before?.metadata.uid === uid) drop(before)
    },
  }
}

function versionOf({ metadata }: KubeObject): string {
  return metadata.resourceVersion ?? ''
}

function sameVersion(a: KubeObject | undefined, b: KubeObject): boolean {
  return a !== undefined && versionOf(a) === versionOf(b) && a.metadata.uid === b.metadata.uid
}

export function byPlace(a: KubeObject, b: KubeObject): number {
  const [left, right] = [a.metadata, b.metadata]
  if (left.namespace !== right.namespace) {
    return (left.namespace ?? '') < (right.namespace ?? '') ? -1 : 1
  }
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0
}
