/** Who an object belongs to. The uid decides, never the name: a link that was deleted and made again is another one. */
import type { KubeObject, OwnerReference } from './objects.ts'
import { apiVersion, kind } from './names.ts'

/** The uid stands for a link that no cluster has seen yet, as `render` prints it. */
interface Owner {
  metadata: { name: string; uid?: string }
}

/**
 * What every object of a link carries, so that the garbage collector takes it with the link. Not as controller:
 * cert-manager may be told to be the controller of its Secrets, and an object has one controller at most.
 */
export function ownerReference(link: Owner): OwnerReference {
  return { apiVersion, kind, name: link.metadata.name, uid: link.metadata.uid ?? '' }
}

export function isOwnedBy(object: KubeObject, uid: string): boolean {
  return (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid)
}
