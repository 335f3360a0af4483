/** Who an object belongs to. The uid decides, never the name: a link that was deleted and made again is another one. */
import type { KubeObject, OwnerReference } from './objects.ts'

type Owner = Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>

/**
 * What every object of a link carries, so that the garbage collector takes it with the link; nothing for a link that no
 * cluster has seen. Not as controller: cert-manager may be told to be the controller of its Secrets, and an
 * object has one controller at most.
 */
export function ownerReferences(...owners: readonly Owner[]): {
  ownerReferences?: OwnerReference[]
} {
  const known = owners.flatMap(({ apiVersion, kind, metadata: { name, uid } }) =>
    uid === undefined ? [] : [{ apiVersion, kind, name, uid }],
  )
  return known.length === 0 ? {} : { ownerReferences: known }
}

export function isOwnedBy(object: KubeObject, uid: string): boolean {
  return (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid)
}
