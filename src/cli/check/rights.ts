/** What the operator needs to be allowed. The chart grants exactly this; `check` asks the API server for each of it. */

export interface Right {
  group: string
  /** With its subresource: `logstashlinks/status`. */
  resource: string
  verbs: readonly string[]
  /** Of one object, or of the operator's namespace alone. */
  name?: 'webhook' | 'lease'
  own?: true
}

const read = ['get', 'list', 'watch']
const own = [...read, 'create', 'patch', 'delete']

export const rights: readonly Right[] = [
  { group: 'logstashlink.io', resource: 'logstashlinks', verbs: read },
  { group: 'logstashlink.io', resource: 'logstashlinks/status', verbs: ['get', 'patch'] },
  { group: '', resource: 'services', verbs: own },
  { group: '', resource: 'configmaps', verbs: own },
  { group: 'cert-manager.io', resource: 'certificates', verbs: own },
  { group: 'cert-manager.io', resource: 'certificaterequests', verbs: read },
  { group: '', resource: 'secrets', verbs: ['get', 'create', 'patch'] },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list', 'watch'] },
  { group: '', resource: 'pods', verbs: [...read, 'patch'] },
  { group: '', resource: 'nodes', verbs: ['list', 'watch'] },
  { group: 'apps', resource: 'replicasets', verbs: ['get'] },
  { group: 'apps', resource: 'deployments', verbs: ['get', 'patch'] },
  { group: 'apps', resource: 'statefulsets', verbs: ['get', 'patch'] },
  { group: 'apps', resource: 'daemonsets', verbs: ['get', 'patch'] },
  { group: '', resource: 'events', verbs: ['create', 'patch'] },
  {
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingwebhookconfigurations',
    verbs: [...read, 'patch'],
    name: 'webhook',
  },
  { group: 'coordination.k8s.io', resource: 'leases', verbs: ['create'], own: true },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'update'],
    name: 'lease',
    own: true,
  },
]
