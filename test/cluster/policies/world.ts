/** A namespace with a link, and with what is nobody's business of the operator's. */
import { apiVersion } from '../../../src/api/names.ts'
import type { Api } from '../support/api-request.ts'

export interface World {
  namespace: string
  /** Where the chart is installed. */
  own: string
  /** Name of what the chart makes, and of its Lease and webhook configuration. */
  fullname: string
  /** Metadata by which an object belongs to the link `orders`. */
  owner: { ownerReferences: object[] }
}

const groups: Record<string, string> = {
  logstashlinks: `/apis/${apiVersion}`,
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  certificates: '/apis/cert-manager.io/v1',
  certificaterequests: '/apis/cert-manager.io/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
}

/** `pods/web` → /api/v1/namespaces/<namespace>/pods/web; a path that begins with a slash is taken as it is. */
export function pathIn(namespace: string, path: string): string {
  if (path.startsWith('/')) return path
  const [plural = ''] = path.split('/')
  return `${groups[plural] ?? '/api/v1'}/namespaces/${namespace}/${path}`
}

export const containers = [{ name: 'main', image: 'none' }]
const labels = { app: 'web' }
const template = { metadata: { labels }, spec: { containers } }
const workload = { selector: { matchLabels: labels }, template }

const linkOrders = {
  apiVersion,
  kind: 'LogstashLink',
  metadata: { name: 'orders' },
  spec: {
    receiver: { hosts: ['127.0.0.1'] },
    sender: { selector: { matchLabels: { app: 'none' } }, collect: { http: { port: 9801 } } },
  },
}

const writtenFor = (name: string) => ({
  annotations: { 'cert-manager.io/certificate-name': name },
})
const core = (kind: string, name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...more },
})

export async function makeWorld(api: Api, place: Omit<World, 'owner'>): Promise<World> {
  const make = (path: string, object: object) =>
    api.object('POST', pathIn(place.namespace, path), object)
  const link = await make('logstashlinks', linkOrders)
  const { uid } = link.metadata
  const owner = { ownerReferences: [{ apiVersion, kind: 'LogstashLink', name: 'orders', uid }] }
  const foreignCertificate = {
    secretName: 'foreign-written',
    dnsNames: ['a.example'],
    issuerRef: { name: 'none' },
  }
  const apps = { apiVersion: 'apps/v1', metadata: { name: 'web' } }
  await make('configmaps', core('ConfigMap', 'foreign'))
  await make('configmaps', core('ConfigMap', 'of-a-link', owner))
  await make('secrets', core('Secret', 'foreign'))
  await make('secrets', core('Secret', 'other-tls', writtenFor('other')))
  await make('secrets', core('Secret', 'orders-receiver-tls', writtenFor('orders-receiver')))
  await make('services', { ...core('Service', 'foreign'), spec: { ports: [{ port: 80 }] } })
  await make('certificates', {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'foreign' },
    spec: foreignCertificate,
  })
  await make('pods', {
    ...core('Pod', 'web', { labels, annotations: { kept: 'yes' } }),
    spec: { containers },
  })
  await make('deployments', { ...apps, kind: 'Deployment', spec: { ...workload, replicas: 0 } })
  await make('statefulsets', {
    ...apps,
    kind: 'StatefulSet',
    spec: { ...workload, serviceName: 'web', replicas: 0 },
  })
  await make('daemonsets', { ...apps, kind: 'DaemonSet', spec: workload })
  return { ...place, owner }
}
