/** What a large cluster holds: links with their pods, and much that is none of our business. */
import type { Api } from '../../test/cluster/support/api-request.ts'

export interface Size {
  links: number
  pods: number
  /** Secrets that have nothing to do with us. */
  secrets: number
  namespaces: number
}

/** Of ten pods of a link three receive. */
const receiversOfTen = 3
const issuer = 'scale-ca'

export function namespaceOf(link: number, { namespaces }: Size): string {
  return `scale-${link % namespaces}`
}

export function linkName(link: number): string {
  return `link-${link}`
}

export function linkPath(link: number, size: Size): string {
  return `/apis/logstashlink.io/v1alpha1/namespaces/${namespaceOf(link, size)}/logstashlinks/${linkName(link)}`
}

/** Namespaces, an authority of cert-manager's, and the Secrets of others. */
export async function populate(api: Api, size: Size): Promise<void> {
  await times(size.namespaces, async (index) => {
    await create(api, '/api/v1/namespaces', {
      kind: 'Namespace',
      metadata: { name: `scale-${index}` },
    })
  })
  await create(api, '/api/v1/namespaces', { kind: 'Namespace', metadata: { name: 'others' } })
  const certManager = '/apis/cert-manager.io/v1'
  await create(api, `${certManager}/clusterissuers`, {
    apiVersion: 'cert-manager.io/v1',
    kind: 'ClusterIssuer',
    metadata: { name: 'scale-root' },
    spec: { selfSigned: {} },
  })
  await create(api, `${certManager}/namespaces/cert-manager/certificates`, {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: issuer },
    spec: {
      isCA: true,
      commonName: issuer,
      secretName: issuer,
      privateKey: { algorithm: 'ECDSA' },
      issuerRef: { name: 'scale-root', kind: 'ClusterIssuer' },
    },
  })
  await create(api, `${certManager}/clusterissuers`, {
    apiVersion: 'cert-manager.io/v1',
    kind: 'ClusterIssuer',
    metadata: { name: issuer },
    spec: { ca: { secretName: issuer } },
  })
  const value = Buffer.alloc(768, 'x').toString('base64')
  await times(size.secrets, async (index) => {
    await create(api, '/api/v1/namespaces/others/secrets', {
      kind: 'Secret',
      metadata: { name: `secret-${index}` },
      data: { value },
    })
  })
}

export function createLinks(api: Api, size: Size): Promise<void> {
  return times(size.links, async (link) => {
    const path = linkPath(link, size)
    await create(api, path.slice(0, path.lastIndexOf('/')), {
      apiVersion: 'logstashlink.io/v1alpha1',
      kind: 'LogstashLink',
      metadata: { name: linkName(link) },
      spec: {
        receiver: {
          selector: { matchLabels: { app: `in-${link}` } },
          deliver: { http: { port: 8080 } },
        },
        sender: {
          selector: { matchLabels: { app: `out-${link}` } },
          collect: { http: { port: 9801 } },
        },
        tls: { issuerRef: { name: issuer, kind: 'ClusterIssuer' } },
      },
    })
  })
}

/** Through admission, as the API server asks our webhook for each. */
export function createPods(api: Api, size: Size): Promise<void> {
  return times(size.pods, async (index) => {
    const link = index % size.links
    const nth = Math.floor(index / size.links)
    const role = nth % 10 < receiversOfTen ? 'in' : 'out'
    await create(api, `/api/v1/namespaces/${namespaceOf(link, size)}/pods`, {
      kind: 'Pod',
      metadata: { name: `${role}-${link}-${nth}`, labels: { app: `${role}-${link}` } },
      spec: {
        nodeName: 'fake1',
        containers: [{ name: 'application', image: 'registry.local/application:1' }],
      },
    })
  })
}

/** `count` calls, so many at once. */
export async function times(
  count: number,
  call: (index: number) => Promise<void>,
  atOnce = 24,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = next
      next += 1
      await call(index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function create(api: Api, collection: string, object: object): Promise<void> {
  await api.object('POST', collection, { apiVersion: 'v1', ...object })
}
