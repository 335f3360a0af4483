/** Who an object belongs to. The uid decides, never the name: a link that was deleted and made again is another one. */
import type { KubeObject, OwnerReference } from './objects.ts'
import { apiVersion, kind } from './names.ts'

interface Owner {
  metadata: { name: string; uid?: string }
}

/**
 * What every object of a link carries, so that the garbage collector takes it with the link; nothing for a link that no
 * cluster has seen. Not as controller: cert-manager may be told to be the controller of its Secrets, and an
 * object has one controller at most.
 */
export function ownerReferences({ metadata }: Owner): { ownerReferences?: OwnerReference[] } {
  const { name, uid } = metadata
  return uid === undefined ? {} : { ownerReferences: [{ apiVersion, kind, name, uid }] }
}

export function isOwnedBy(object: KubeObject, uid: string): boolean {
  return (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid)
}
