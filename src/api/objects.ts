/** Kubernetes objects as raw JSON, as far as every room needs to know them. */

/** A Kubernetes object as raw JSON. Times are strings, never Date. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

export interface ObjectMeta {
  name: string
  /** Absent on cluster-scoped objects. */
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  generateName?: string
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** Names one kind of object: `{apiVersion: 'apps/v1', kind: 'Deployment'}`. */
export interface Kind {
  apiVersion: string
  kind: string
}

/** Names one object. */
export interface ObjectKey extends Kind {
  namespace?: string
  name: string
}

/** Equality selectors and set-based ones, as in a LabelSelector. An empty selector matches everything. */
export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

/** `namespace/name`, the key by which reconcile works; cluster-scoped objects have no namespace. */
export function keyOf(object: { metadata: { namespace?: string; name: string } }): string {
  const { namespace, name } = object.metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}
