/** Links, pods and endpoints that change all the time, whether or not the API server takes it. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { apiVersion, kind, plural } from '../../../src/api/names.ts'
import type { KubeObject } from '../../../src/api/objects.ts'
import { eventually } from '../../support/eventually.ts'
import type { TestCluster } from './test-cluster.ts'

export interface FaultLoad {
  /** Writes that were taken, and those that were not. */
  counts(): { taken: number; refused: number }
  /** Resolves when so many more writes were taken: there is load. */
  flowing(more?: number): Promise<void>
  /** Ends it; what was begun is finished. Links that were made last stay. */
  stop(): Promise<void>
  /** Deletes them. */
  clear(): Promise<void>
}

export interface LoadedLink {
  namespace: string
  name: string
}

type Cluster = Pick<TestCluster, 'api'>

const merge = 'application/merge-patch+json'
const apply = 'application/apply-patch+yaml'

export function linkPath(namespace: string, name = ''): string {
  return `/apis/${apiVersion}/namespaces/${namespace}/${plural}${name && `/${name}`}`
}

/** A namespace with a CA of its own, from which its links have their certificates. */
export async function makeLoadNamespace(cluster: Cluster, namespace: string): Promise<void> {
  const at = { namespace }
  const issuers = { apiVersion: 'cert-manager.io/v1', kind: 'Issuer' }
  await create(cluster, '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  await eventually(`${namespace} has its default service account`, () =>
    cluster.api.object('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`),
  )
  const path = `/apis/cert-manager.io/v1/namespaces/${namespace}`
  const selfSigned = { ...issuers, metadata: { ...at, name: 'self-signed' } }
  await create(cluster, `${path}/issuers`, { ...selfSigned, spec: { selfSigned: {} } })
  await create(cluster, `${path}/certificates`, {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { ...at, name: 'load-ca' },
    spec: {
      isCA: true,
      commonName: 'load-ca',
      secretName: 'load-ca',
      privateKey: { algorithm: 'ECDSA', size: 256 },
      issuerRef: { name: 'self-signed' },
    },
  })
  const issuer = { ...issuers, metadata: { ...at, name: 'load-ca' } }
  await create(cluster, `${path}/issuers`, { ...issuer, spec: { ca: { secretName: 'load-ca' } } })
}

/** A link with receivers of its own; pods are labelled `app: <name>-receiver` and `app: <name>-sender`. */
export function makeOwnLink(
  cluster: Cluster,
  { namespace, name }: LoadedLink,
  more: object = {},
): Promise<void> {
  return makeLink(
    cluster,
    { namespace, name },
    {
      receiver: { selector: appOf(`${name}-receiver`), deliver: { http: { port: 8080 } } },
      sender: { selector: appOf(`${name}-sender`), collect: { http: { port: 9801 } } },
      tls: { issuerRef: { name: 'load-ca' } },
      ...more,
    },
  )
}

/** A link to a Service without selector, whose EndpointSlice the load writes. */
export async function makeServiceLink(
  cluster: Cluster,
  { namespace, name }: LoadedLink,
): Promise<void> {
  await create(cluster, `/api/v1/namespaces/${namespace}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: serviceOf(name) },
    spec: { clusterIP: 'None', ports: [{ name: 'logstash', port: 9800 }] },
  })
  await setSlice(cluster, { namespace, name }, 1)
  await makeLink(
    cluster,
    { namespace, name },
    {
      receiver: { serviceRef: { name: serviceOf(name), port: 9800 } },
      sender: { selector: appOf(`${name}-sender`), collect: { http: { port: 9801 } } },
      tls: { enabled: false },
    },
  )
}

export function makeDeployment(
  cluster: Cluster,
  { namespace, name }: LoadedLink,
  replicas: number,
  app = name,
): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  return create(cluster, path, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: appOf(app),
      template: { metadata: { labels: { app } }, spec: kwokPod },
    },
  })
}

/** Runs on kwok's node. */
export const kwokPod = {
  nodeName: 'fake1',
  terminationGracePeriodSeconds: 1,
  automountServiceAccountToken: false,
  containers: [{ name: 'app', image: 'app' }],
}

/** A link that comes and goes has no pods; of the others some pods go, and come anew by their Deployments. */
export function startLoad(
  cluster: Cluster,
  { own, services }: { own: readonly LoadedLink[]; services: readonly LoadedLink[] },
): FaultLoad {
  const ending = new AbortController()
  let taken = 0
  let refused = 0
  let count = 0
  const passing: LoadedLink[] = []
  const acts: { everyMs: number; act: () => Promise<void> }[] = [
    { everyMs: 50, act: () => setSlice(cluster, one(services), 1 + (count % 5)) },
    {
      everyMs: 300,
      async act() {
        const { namespace, name } = one(own)
        const patch = { spec: { balancing: { coolOff: `${1 + (count % 50)}s` } } }
        await cluster.api.object('PATCH', linkPath(namespace, name), patch, merge)
      },
    },
    {
      everyMs: 400,
      async act() {
        const { namespace, name } = one(own)
        const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}-receiver/scale`
        await cluster.api.object('PATCH', path, { spec: { replicas: 1 + (count % 3) } }, merge)
      },
    },
    {
      everyMs: 400,
      async act() {
        const path = `/api/v1/namespaces/${one(own).namespace}/pods`
        const { items } = await cluster.api.object<{ items: KubeObject[] }>('GET', path)
        const bound = items.filter(({ metadata }) => metadata.ownerReferences !== undefined)
        await cluster.api.object('DELETE', `${path}/${one(bound).metadata.name}`)
      },
    },
    {
      everyMs: 1000,
      async act() {
        const link = { namespace: one(own).namespace, name: `passing-${count}` }
        await makeOwnLink(cluster, link)
        passing.push(link)
        const [oldest] = passing
        if (oldest === undefined || passing.length <= 3) return
        // cert-manager would write the Secret of a Certificate that is gone, and it would stay.
        if (!(await hasIdentity(cluster, oldest))) return
        await cluster.api.object('DELETE', linkPath(oldest.namespace, oldest.name))
        passing.shift()
      },
    },
  ]
  const running = acts.map(async ({ everyMs, act }) => {
    while (!ending.signal.aborted) {
      count += 1
      try {
        await act()
        taken += 1
      } catch {
        // The API server or a webhook is away: that is what this is about.
        refused += 1
      }
      // The pace of the load, not a wait for something.
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  })
  return {
    counts: () => ({ taken, refused }),
    async flowing(more = 30) {
      const before = taken
      await eventually('there is load', () => assert.ok(taken >= before + more))
    },
    async stop() {
      ending.abort()
      await Promise.all(running)
    },
    async clear() {
      for (const { namespace, name } of passing) {
        await cluster.api.object('DELETE', linkPath(namespace, name))
      }
    },
  }
}

async function makeLink(
  cluster: Cluster,
  { namespace, name }: LoadedLink,
  spec: object,
): Promise<void> {
  await create(cluster, linkPath(namespace), {
    apiVersion,
    kind,
    metadata: { namespace, name },
    spec,
  })
}

function one<T>(all: readonly T[]): T {
  const picked = all[Math.floor(Math.random() * all.length)]
  assert.ok(picked !== undefined)
  return picked
}

async function hasIdentity(cluster: Cluster, { namespace, name }: LoadedLink): Promise<boolean> {
  const { status } = await cluster.api.object<{
    status?: { conditions: { type: string; status: string }[] }
  }>('GET', linkPath(namespace, name))
  return (
    status?.conditions.some((each) => each.type === 'IdentityReady' && each.status === 'True') ??
    false
  )
}

function serviceOf(link: string): string {
  return `${link}-logstash`
}

/** So many ready endpoints, others each time, and one that terminates. */
async function setSlice(
  cluster: Cluster,
  { namespace, name }: LoadedLink,
  count: number,
): Promise<void> {
  const service = serviceOf(name)
  const first = Math.floor(Math.random() * 200)
  const endpoint = (index: number) => ({
    addresses: [`10.9.0.${first + index}`],
    conditions: { ready: index < count, serving: true, terminating: index === count },
  })
  const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
  await cluster.api.object(
    'PATCH',
    `${slices}/${service}-1?fieldManager=load&force=true`,
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        namespace,
        name: `${service}-1`,
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      endpoints: Array.from({ length: count + 1 }, (_, index) => endpoint(index)),
      ports: [{ name: 'logstash', port: 9800, protocol: 'TCP' }],
    },
    apply,
  )
}

function appOf(app: string): { matchLabels: Record<string, string> } {
  return { matchLabels: { app } }
}

async function create(cluster: Cluster, path: string, object: object): Promise<void> {
  await cluster.api.object('POST', path, object)
}
