/** Keys of the in-memory cluster, and which kinds have no namespace. */
import type { Kind, KubeObject, ObjectKey } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'

const clusterScoped = new Set([
  'APIService',
  'ClusterIssuer',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
])

export function kindId({ apiVersion, kind }: Kind): string {
  return `${apiVersion}/${kind}`
}

/** One string for one object. Invalid where a namespace is missing, or given to a kind that has none. */
export function objectId(key: ObjectKey): string {
  const { kind, namespace, name } = key
  if (clusterScoped.has(kind) !== (namespace === undefined)) {
    const expected = namespace === undefined ? 'a namespace' : 'no namespace'
    throw new ClusterError('Invalid', `${kind} "${name}" is invalid: it must have ${expected}`)
  }
  return `${kindId(key)}/${namespace ?? ''}/${name}`
}

export function keyOfObject({ apiVersion, kind, metadata }: KubeObject): ObjectKey {
  const { namespace, name } = metadata
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }
}

export function notFound({ kind, name }: ObjectKey): ClusterError {
  return new ClusterError('NotFound', `${kind} "${name}" not found`)
}
