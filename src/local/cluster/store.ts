/** What the cluster holds: objects with the owners of their fields, found by id, by uid and by the uid of an owner. */
import type { Kind, KubeObject, ObjectKey } from '../../api/objects.ts'
import type { FieldSet } from './field-sets.ts'
import { keyOfObject, kindId, objectId } from './key.ts'

export interface Entry {
  readonly object: KubeObject
  /** Field manager → the fields that it owns. */
  readonly managers: ReadonlyMap<string, FieldSet>
}

export interface Store {
  get(key: ObjectKey): Entry | undefined
  byUid(uid: string): Entry | undefined
  /** Objects that name this uid as an owner. */
  ownedBy(uid: string): Entry[]
  /** In the order of namespace and name. */
  ofKind(kind: Kind): KubeObject[]
  /** In the order of names: costs nothing that grows with other namespaces. */
  ofNamespace(kind: Kind, namespace: string): KubeObject[]
  put(entry: Entry): void
  remove(key: ObjectKey): void
  /** One counter for the whole cluster, as in etcd. */
  nextVersion(): string
}

export function createStore(): Store {
  const kinds = new Map<string, Map<string, Entry>>()
  /** `kind namespace` → ids. */
  const places = new Map<string, Set<string>>()
  const uids = new Map<string, Entry>()
  const dependents = new Map<string, Set<string>>()
  let version = 0

  const forget = ({ object }: Entry) => {
    const uid = uidOf(object)
    uids.delete(uid)
    for (const owner of object.metadata.ownerReferences ?? []) {
      const owned = dependents.get(owner.uid)
      owned?.delete(uid)
      if (owned?.size === 0) dependents.delete(owner.uid)
    }
  }

  const get = (key: ObjectKey) => kinds.get(kindId(key))?.get(objectId(key))

  return {
    get,
    byUid: (uid) => uids.get(uid),
    ownedBy: (uid) => [...(dependents.get(uid) ?? [])].flatMap((each) => uids.get(each) ?? []),
    ofKind: (kind) =>
      [...(kinds.get(kindId(kind))?.values() ?? [])].map(({ object }) => object).toSorted(byPlace),
    ofNamespace: (kind, namespace) =>
      [...(places.get(placeOf(kind, namespace)) ?? [])]
        .flatMap((id) => kinds.get(kindId(kind))?.get(id)?.object ?? [])
        .toSorted(byPlace),
    put(entry) {
      const { object } = entry
      const key = keyOfObject(object)
      const before = get(key)
      if (before !== undefined) forget(before)
      const entries = kinds.get(kindId(object)) ?? new Map<string, Entry>()
      kinds.set(kindId(object), entries.set(objectId(key), entry))
      const place = placeOf(object, object.metadata.namespace)
      places.set(place, (places.get(place) ?? new Set()).add(objectId(key)))
      const uid = uidOf(object)
      uids.set(uid, entry)
      for (const owner of object.metadata.ownerReferences ?? []) {
        dependents.set(owner.uid, (dependents.get(owner.uid) ?? new Set()).add(uid))
      }
    },
    remove(key) {
      const entry = get(key)
      if (entry === undefined) return
      forget(entry)
      kinds.get(kindId(key))?.delete(objectId(key))
      const place = placeOf(key, key.namespace)
      places.get(place)?.delete(objectId(key))
      if (places.get(place)?.size === 0) places.delete(place)
    },
    nextVersion: () => String(++version),
  }
}

function placeOf(kind: Kind, namespace: string | undefined): string {
  return `${kindId(kind)} ${namespace ?? ''}`
}

function uidOf({ metadata }: KubeObject): string {
  return metadata.uid ?? ''
}

function byPlace(a: KubeObject, b: KubeObject): number {
  const [left, right] = [a, b].map(
    ({ metadata }) => `${metadata.namespace ?? ''}\0${metadata.name}`,
  )
  return (left ?? '') < (right ?? '') ? -1 : 1
}
