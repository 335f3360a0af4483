/** How server-side apply sees a list or a map of an object: what Kubernetes' own schemas declare, for the kinds we meet. */

export type ListType = { keyed: readonly string[] } | 'set' | 'atomic'

type Rule = { ends: readonly string[]; type: ListType }

/** Longest matching end of the path wins, so rules stand from the specific to the general. */
const podRules: readonly Rule[] = [
  { ends: ['containers', 'ports'], type: { keyed: ['containerPort', 'protocol'] } },
  { ends: ['initContainers', 'ports'], type: { keyed: ['containerPort', 'protocol'] } },
  ...['containers', 'initContainers'].flatMap((list): Rule[] => [
    { ends: ['spec', list], type: { keyed: ['name'] } },
    { ends: [list, 'env'], type: { keyed: ['name'] } },
    { ends: [list, 'volumeMounts'], type: { keyed: ['mountPath'] } },
    { ends: [list, 'volumeDevices'], type: { keyed: ['devicePath'] } },
  ]),
  { ends: ['spec', 'volumes'], type: { keyed: ['name'] } },
  { ends: ['spec', 'imagePullSecrets'], type: { keyed: ['name'] } },
  { ends: ['status', 'podIPs'], type: { keyed: ['ip'] } },
]

const everywhere: readonly Rule[] = [
  { ends: ['status', 'conditions'], type: { keyed: ['type'] } },
  { ends: ['metadata', 'ownerReferences'], type: { keyed: ['uid'] } },
  { ends: ['metadata', 'finalizers'], type: 'set' },
]

const rulesOfKind: Readonly<Record<string, readonly Rule[]>> = {
  Pod: podRules,
  Deployment: podRules,
  StatefulSet: podRules,
  DaemonSet: podRules,
  ReplicaSet: podRules,
  Job: podRules,
  LogstashLink: [
    { ends: ['receiver', 'hosts'], type: 'set' },
    { ends: ['files', 'paths'], type: 'set' },
  ],
  Service: [{ ends: ['spec', 'ports'], type: { keyed: ['port', 'protocol'] } }],
}

/** Maps that one manager owns as a whole (x-kubernetes-map-type: atomic). */
const atomicMaps = new Set([
  'selector',
  'nodeSelector',
  'fieldRef',
  'resourceFieldRef',
  'secretKeyRef',
  'configMapKeyRef',
  'labelSelector',
])

/** `path` holds the names of fields alone, without list positions. */
export function listType(kind: string, path: readonly string[]): ListType {
  for (const { ends, type } of [...(rulesOfKind[kind] ?? []), ...everywhere]) {
    if (ends.every((name, index) => path[path.length - ends.length + index] === name)) return type
  }
  return 'atomic'
}

export function isAtomicMap(kind: string, path: readonly string[]): boolean {
  // The fields of a foreign CRD are granular unless its schema says otherwise.
  if (rulesOfKind[kind] === undefined) return false
  const last = path.at(-1)
  return last !== undefined && path.length > 1 && atomicMaps.has(last)
}

/** An item's key as Kubernetes writes it into managedFields, `k:{"name":"web"}`; the protocol of a port defaults to TCP. */
export function itemKey(keys: readonly string[], item: unknown): string {
  const fields = isMap(item) ? item : {}
  const values = keys.map((key) => [key, fields[key] ?? (key === 'protocol' ? 'TCP' : undefined)])
  return `k:${JSON.stringify(Object.fromEntries(values))}`
}

export type JsonMap = { [field: string]: unknown }

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
