/** Whether an object in the cluster has all that is wanted of it; what else it has is its own or the server's affair. */
import type { KubeObject, OwnerReference } from '../api/objects.ts'

export function hasWanted(wanted: KubeObject, there: KubeObject): boolean {
  const { uid: _uid, ownerReferences: owners = [], ...metadata } = wanted.metadata
  return (
    isWithin({ ...wanted, metadata }, there) &&
    owners.every((owner) => hasOwner(there.metadata.ownerReferences ?? [], owner))
  )
}

function hasOwner(there: readonly OwnerReference[], owner: OwnerReference): boolean {
  return there.some((each) => each.uid === owner.uid && isWithin(owner, each))
}

/**
 * Objects by their wanted fields; arrays element by element and of one length, so that ports filled in with `protocol`
 * still count as wanted and a name too many does not. Servers drop what is empty, and mostly what is false, 0 or "": where
 * absent means something else they fill it in. So all of that equals absent.
 */
function isWithin(wanted: unknown, there: unknown): boolean {
  if (wanted === undefined) return true
  if (isEmpty(wanted) && (there === undefined || there === null)) return true
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(there) &&
      there.length === wanted.length &&
      wanted.every((each, index) => isWithin(each, there[index]))
    )
  }
  if (isRecord(wanted)) {
    return isRecord(there) && Object.keys(wanted).every((key) => isWithin(wanted[key], there[key]))
  }
  return wanted === there
}

function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}

function isEmpty(data: unknown): boolean {
  if (data === false || data === 0 || data === '') return true
  return Array.isArray(data) ? data.length === 0 : isRecord(data) && Object.keys(data).length === 0
}
