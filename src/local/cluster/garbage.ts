/** Owner references: an object whose owners are all gone goes too; a reference to one that is gone is dropped. */
import type { KubeObject, OwnerReference } from '../../api/objects.ts'
import type { Store } from './store.ts'

export type Fate =
  | { kind: 'stays' }
  | { kind: 'goes' }
  | { kind: 'sheds'; remaining: OwnerReference[] }

/** What the garbage collector does with an object now. */
export function fateOf(object: KubeObject, store: Store): Fate {
  const owners = object.metadata.ownerReferences ?? []
  const remaining = owners.filter((owner) => isThere(owner, object, store))
  if (remaining.length === owners.length) return { kind: 'stays' }
  return remaining.length === 0 ? { kind: 'goes' } : { kind: 'sheds', remaining }
}

/** An owner in another namespace counts as absent, as in Kubernetes. */
function isThere(owner: OwnerReference, object: KubeObject, store: Store): boolean {
  const found = store.byUid(owner.uid)?.object
  if (found === undefined || found.kind !== owner.kind || found.metadata.name !== owner.name)
    return false
  const { namespace } = found.metadata
  return namespace === undefined || namespace === object.metadata.namespace
}
