/** Server-side apply with force, on plain data: the live object and its owners of fields in, both as they become out. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject, ObjectMeta } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { differing, fieldsOf, prune, without } from './field-sets.ts'
import type { FieldSet } from './field-sets.ts'
import { isMap, itemKey, listType } from './list-types.ts'
import { merge } from './merge.ts'
import type { Entry } from './store.ts'

/** Fields of metadata that the server alone sets. */
const serverSet = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'selfLink',
  'generateName',
])

/** Which half of an object a write is about: `status` is a subresource, and writes to one half ignore the other. */
export type Half = 'main' | 'status'

/**
 * `live` with what `applied` names, without what `manager` owned before, no longer names and nobody else owns. Other
 * managers lose the fields whose values changed. Returns `live` itself where nothing changes.
 */
export function serverSideApply(
  live: Entry,
  applied: KubeObject,
  { manager, half }: { manager: string; half: Half },
): Entry {
  const { kind } = applied
  refuseTwins(kind, applied)
  const wanted = half === 'main' ? configurable(applied) : { status: applied['status'] ?? {} }
  const owner = half === 'main' ? manager : `${manager}/status`
  const named = fieldsOf(kind, wanted)
  const owned = live.managers.get(owner) ?? {}
  const others = [...live.managers].filter(([name]) => name !== owner)

  const merged = merge(kind, live.object, wanted)
  const taken = differing(kind, named, live.object, merged)
  const rest = others.map(([name, fields]): [string, FieldSet] => [name, without(fields, taken)])
  const object = prune(kind, merged, { owned, named, others: rest.map(([, fields]) => fields) })
  const managers = new Map([...rest, [owner, named]])
  const same = isDeepStrictEqual(object, live.object) && isDeepStrictEqual(managers, live.managers)
  return same ? live : { object: object as KubeObject, managers }
}

/** Ownership after a POST: an update, which a later apply of the same manager does not undo. */
export function ownersAfterCreate(object: KubeObject, manager: string): Map<string, FieldSet> {
  return new Map([[`${manager}/update`, fieldsOf(object.kind, configurable(object))]])
}

/** The part of an object that its author decides: no status, no identity, nothing that the server sets. */
export function configurable(object: KubeObject): { [field: string]: unknown } {
  const { apiVersion: _, kind: __, status: ___, metadata, ...rest } = object
  const fields = Object.entries(metadata).filter(
    ([name]) => !serverSet.has(name) && name !== 'name' && name !== 'namespace',
  )
  const own: Partial<ObjectMeta> = Object.fromEntries(fields)
  return { ...rest, ...(fields.length === 0 ? {} : { metadata: own }) }
}

/** An applied list may not hold two items of one key. */
function refuseTwins(kind: string, value: unknown, path: readonly string[] = []): void {
  if (isMap(value)) {
    for (const [name, below] of Object.entries(value)) refuseTwins(kind, below, [...path, name])
  }
  if (!Array.isArray(value)) return
  const type = listType(kind, path)
  if (typeof type !== 'string') {
    const keys = value.map((item) => itemKey(type.keyed, item))
    const twin = keys.find((key, index) => keys.indexOf(key) !== index)
    if (twin !== undefined) {
      throw new ClusterError('Invalid', `.${path.join('.')}: duplicate entries for key [${twin}]`)
    }
  }
  for (const item of value) refuseTwins(kind, item, path)
}
