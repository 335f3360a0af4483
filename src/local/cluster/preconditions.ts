/** What must hold before a write: a free name, the uid and the version that the writer saw. */
import type { KubeObject } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'
import type { Entry } from './store.ts'

/** With a name made of generateName where none is given. */
export function withName(object: KubeObject, newUid: () => string): KubeObject {
  const { name, generateName } = object.metadata
  if (name || generateName === undefined) return object
  const suffix = newUid().replaceAll('-', '').slice(0, 5)
  return { ...object, metadata: { ...object.metadata, name: `${generateName}${suffix}` } }
}

export function refuseTaken(live: Entry | undefined): void {
  if (live === undefined) return
  const { kind, metadata } = live.object
  throw new ClusterError('AlreadyExists', `${kind} "${metadata.name}" already exists`)
}

export function requireUid({ object }: Entry, uid: string): void {
  if (object.metadata.uid === uid) return
  throw new ClusterError(
    'Conflict',
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
  )
}

/** The preconditions that an applied object may carry: its uid and the version that its author saw. */
export function requireSame(live: Entry, { metadata }: KubeObject): void {
  if (metadata.uid !== undefined) requireUid(live, metadata.uid)
  const { resourceVersion } = live.object.metadata
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== resourceVersion) {
    throw new ClusterError(
      'Conflict',
      `Operation cannot be fulfilled on "${metadata.name}": the object has been modified`,
    )
  }
}
