/**
 * Whether all that the operator answers for is as it should be now, worked out anew from what the API server has: links,
 * EndpointSlices, pods. Nothing of the product's own rooms is asked.
 */
import assert from 'node:assert/strict'
import type { KubeObject } from '../../../src/api/objects.ts'
import { operatorNamespace, release } from './installed-chart.ts'
import type { TestCluster } from './test-cluster.ts'

interface Link extends KubeObject {
  spec: {
    receiver: { selector?: Selector; serviceRef?: { name: string } }
    sender?: { selector: Selector }
    tls: { enabled: boolean }
  }
  status?: {
    observedGeneration: number
    conditions: Condition[]
    receivers: Counts
    senders: Counts
    hosts: string[]
    hostCount: number
  }
}

interface Selector {
  matchLabels: Record<string, string>
}

interface Counts {
  desired: number
  ready: number
}

interface Condition {
  type: string
  status: string
  reason: string
  message: string
  observedGeneration: number
}

interface Slice extends KubeObject {
  endpoints?: {
    addresses: string[]
    conditions?: { ready?: boolean; terminating?: boolean }
  }[]
  ports?: { port: number }[]
}

interface Pod extends KubeObject {
  spec: { initContainers?: { name: string }[] }
  status: { phase: string; initContainerStatuses?: { name: string; ready: boolean }[] }
}

/** Of the namespaces that a suite has made its links in. */
interface Seen {
  links: Link[]
  slices: Slice[]
  pods: Pod[]
  objects: KubeObject[]
}

const conditionTypes = [
  ...['Accepted', 'Delivering', 'HostsDiscovered', 'IdentityReady', 'Ready'],
  ...['ReceiversInjected', 'SendersInjected', 'TrustDistributed'],
]
const roles = ['receiver', 'sender'] as const
type Role = (typeof roles)[number]
/** Messages name so many. */
const named = 5

export interface EndState {
  links: number
  pods: number
  /** `namespace/name` of pods that lack a sidecar; all of them are told by a status. */
  lacking: string[]
}

/** Rejects with the first thing that is not as it should be. */
export async function assertEndState(
  { api }: Pick<TestCluster, 'api'>,
  namespaces: readonly string[],
): Promise<EndState> {
  const list = async <T = KubeObject>(path: string): Promise<T[]> =>
    (await api.object<{ items: T[] }>('GET', path)).items
  const everywhere = async <T = KubeObject>(group: string, plural: string): Promise<T[]> => {
    const lists = namespaces.map((each) => list<T>(`${group}/namespaces/${each}/${plural}`))
    return (await Promise.all(lists)).flat()
  }
  const kinds = [
    ['/api/v1', 'services', 'Service'],
    ['/api/v1', 'configmaps', 'ConfigMap'],
    ['/api/v1', 'secrets', 'Secret'],
    ['/apis/cert-manager.io/v1', 'certificates', 'Certificate'],
  ] as const
  const found = kinds.map(async ([group, plural, kind]) =>
    // In lists the API server leaves the kind out.
    (await everywhere(group, plural)).map((object) => ({ ...object, kind })),
  )
  const seen: Seen = {
    links: await everywhere<Link>('/apis/logstashlink.io/v1alpha1', 'logstashlinks'),
    slices: await everywhere<Slice>('/apis/discovery.k8s.io/v1', 'endpointslices'),
    pods: await everywhere<Pod>('/api/v1', 'pods'),
    objects: (await Promise.all(found)).flat(),
  }
  const lacking = seen.links.flatMap((link) => checkLink(link, seen))
  checkObjects(seen)
  await checkWebhook({ api }, seen.links)
  return { links: seen.links.length, pods: seen.pods.length, lacking }
}

/** Names of pods that lack its sidecars. */
function checkLink(link: Link, seen: Seen): string[] {
  const { status, spec, metadata } = link
  const label = `${metadata.namespace}/${metadata.name}`
  assert.ok(status, `${label} has no status`)
  assert.equal(status.observedGeneration, metadata.generation, `${label}: generation`)
  const types = status.conditions.map(({ type }) => type).toSorted()
  assert.deepEqual(types, conditionTypes.toSorted(), label)
  for (const { type, observedGeneration } of status.conditions) {
    assert.equal(observedGeneration, metadata.generation, `${label}: generation of ${type}`)
  }
  const hosts = hostsOf(link, seen)
  const file = seen.objects.find(
    ({ kind, metadata: { namespace, name } }) =>
      kind === 'ConfigMap' &&
      namespace === metadata.namespace &&
      name === `${metadata.name}-sender`,
  )?.['data'] as Record<string, string> | undefined
  const written = JSON.parse(file?.['hosts.json'] ?? '{}') as {
    hosts?: { host: string; port: number }[]
  }
  const inFile = (written.hosts ?? []).map(({ host, port }) => `${host}:${port}`)
  assert.deepEqual(inFile.toSorted(), hosts, `${label}: hosts.json`)
  // Those of before are shown while there are none.
  if (hosts.length > 0) assert.deepEqual(status.hosts.toSorted(), hosts, `${label}: status.hosts`)
  if (hosts.length > 0) assert.equal(status.hostCount, hosts.length, `${label}: hostCount`)
  const states = {
    HostsDiscovered: hosts.length > 0,
    Accepted: true,
    IdentityReady: true,
    TrustDistributed: true,
    ReceiversInjected: true,
    SendersInjected: true,
  }
  const lacking = roles.flatMap((role) => {
    const selector = role === 'receiver' ? spec.receiver.selector : spec.sender?.selector
    if (selector === undefined) return []
    const condition = conditionOf(link, `${role === 'receiver' ? 'Receivers' : 'Senders'}Injected`)
    const { isWhole, without } = checkPods(link, { role, selector, condition, pods: seen.pods })
    states[role === 'receiver' ? 'ReceiversInjected' : 'SendersInjected'] = isWhole
    return without
  })
  for (const [type, holds] of Object.entries(states)) {
    const { status: said, message } = conditionOf(link, type)
    assert.equal(said, holds ? 'True' : 'False', `${label}: ${type} is ${said}: ${message}`)
  }
  const { status: ready, message } = conditionOf(link, 'Ready')
  const isReady = Object.values(states).every(Boolean)
  assert.equal(ready, isReady ? 'True' : 'False', `${label}: Ready is ${ready}: ${message}`)
  return lacking
}

function checkPods(
  { metadata, status }: Link,
  of: { role: Role; selector: Selector; condition: Condition; pods: readonly Pod[] },
): { isWhole: boolean; without: string[] } {
  const { role, selector, condition } = of
  const label = `${metadata.namespace}/${metadata.name} ${role}s`
  const sidecar = `lsl-${role}-${metadata.name}`
  const pods = of.pods.filter((pod) => isPicked(pod, metadata.namespace, selector))
  for (const pod of pods) {
    assert.equal(pod.metadata.deletionTimestamp, undefined, `${pod.metadata.name} is still ending`)
  }
  const running = pods.filter(({ status: { phase } }) => phase !== 'Succeeded')
  const without = running.filter(
    ({ spec: { initContainers = [] } }) => !initContainers.some(({ name }) => name === sidecar),
  )
  const ready = running.filter(({ status: { initContainerStatuses = [] } }) =>
    initContainerStatuses.some((each) => each.name === sidecar && each.ready),
  )
  assert.equal(ready.length + without.length, running.length, `${label}: a sidecar is not ready`)
  const counts = role === 'receiver' ? status?.receivers : status?.senders
  assert.equal(counts?.desired, running.length, `${label}: desired`)
  assert.equal(counts?.ready, ready.length, `${label}: ready`)
  const names = without.map(({ metadata: { name } }) => name).toSorted()
  if (without.length > 0) {
    const told = condition.message
    const count = `${without.length} pod${without.length === 1 ? '' : 's'}`
    assert.ok(told.includes(`Without a sidecar: ${count} (`), `${label}: ${count}: ${told}`)
    for (const workload of [...new Set(without.map(workloadOf))].toSorted().slice(0, named)) {
      assert.ok(told.includes(workload), `${label}: ${workload} is not in: ${told}`)
    }
  }
  return {
    isWhole: running.length > 0 && without.length === 0,
    without: names.map((name) => `${metadata.namespace}/${name}`),
  }
}

/** `Deployment/web`; a pod that nobody makes anew stands for itself. */
function workloadOf({ metadata: { name, labels = {}, ownerReferences = [] } }: Pod): string {
  const [owner] = ownerReferences
  if (owner === undefined) return `Pod/${name}`
  const hash = labels['pod-template-hash']
  if (owner.kind !== 'ReplicaSet' || hash === undefined) return `${owner.kind}/${owner.name}`
  return `Deployment/${owner.name.slice(0, -hash.length - 1)}`
}

function isPicked({ metadata }: Pod, namespace: string | undefined, selector: Selector): boolean {
  return (
    metadata.namespace === namespace &&
    Object.entries(selector.matchLabels).every(([key, value]) => metadata.labels?.[key] === value)
  )
}

/** `host:port` of ready endpoints that do not terminate, sorted. */
function hostsOf({ metadata, spec }: Link, { slices }: Seen): string[] {
  const service = spec.receiver.serviceRef?.name ?? `${metadata.name}-receiver`
  const its = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === service,
  )
  const hosts = its.flatMap(({ endpoints, ports }) =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false && conditions?.terminating !== true)
      .map(({ addresses: [address] }) => `${address}:${ports?.[0]?.port}`),
  )
  return [...new Set(hosts)].toSorted()
}

/** What links become, and nothing beside it: nothing of a link that is gone either. */
function checkObjects({ links, objects }: Seen): void {
  const wanted = links.flatMap(({ metadata: { namespace, name }, spec }) => {
    const own = spec.receiver.selector !== undefined
    const names = [
      ...(own ? [`Service ${name}-receiver`, `ConfigMap ${name}-receiver`] : []),
      ...(spec.sender === undefined ? [] : [`ConfigMap ${name}-sender`]),
      ...(own && spec.tls.enabled
        ? [
            `Certificate ${name}-receiver`,
            `Secret ${name}-receiver-tls`,
            `Secret ${name}-keystore-password`,
          ]
        : []),
    ]
    return names.map((each) => `${namespace} ${each}`)
  })
  const ours = objects.filter(
    ({ kind, metadata: { name, labels } }) =>
      labels?.['app.kubernetes.io/managed-by'] === 'logstash-link' ||
      (kind === 'Secret' && /-(receiver|sender)-tls$|-keystore-password$/.test(name)),
  )
  const there = ours.map(
    ({ kind, metadata: { namespace, name } }) => `${namespace} ${kind} ${name}`,
  )
  assert.deepEqual(there.toSorted(), wanted.toSorted(), 'objects of links')
}

async function checkWebhook(
  { api }: Pick<TestCluster, 'api'>,
  links: readonly Link[],
): Promise<void> {
  const { webhooks = [] } = await api.object<{
    webhooks?: {
      failurePolicy: string
      timeoutSeconds: number
      clientConfig: { caBundle: string; service: { namespace: string } }
      namespaceSelector: { matchExpressions: { operator: string; values: string[] }[] }
    }[]
  }>('GET', `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${release}`)
  const [entry] = webhooks
  assert.equal(webhooks.length, 1)
  assert.ok(entry)
  assert.equal(entry.failurePolicy, 'Ignore')
  assert.equal(entry.timeoutSeconds, 5)
  assert.equal(entry.clientConfig.service.namespace, operatorNamespace)
  const namespaces = [...new Set(links.map(({ metadata }) => metadata.namespace ?? ''))]
  assert.deepEqual(
    entry.namespaceSelector.matchExpressions.map(({ operator, values }) => [operator, values]),
    [['In', namespaces.toSorted()]],
  )
  const { data } = await api.object<{ data: Record<string, string> }>(
    'GET',
    `/api/v1/namespaces/${operatorNamespace}/secrets/${release}-webhook-tls`,
  )
  const bundle = Buffer.from(entry.clientConfig.caBundle, 'base64').toString()
  const authority = Buffer.from(data['ca.crt'] ?? '', 'base64').toString()
  assert.ok(authority !== '' && bundle.includes(authority.trim()), 'the CA of the webhook')
}

function conditionOf({ metadata, status }: Link, wanted: string): Condition {
  const found = status?.conditions.find(({ type }) => type === wanted)
  assert.ok(found, `${metadata.name} has no condition ${wanted}`)
  return found
}
