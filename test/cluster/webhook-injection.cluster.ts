import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import test, { after, before } from 'node:test'
import { labels, mounts, sidecarVolumeName } from '../../src/api/names.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'
import {
  createPod,
  makeLink,
  openWebhook,
  podTemplate,
  quickstart,
  sidecarsOf,
  type PodObject,
  type WebhookWorld,
} from './support/webhook-world.ts'

let cluster: TestCluster
let webhook: WebhookWorld
const ends: (() => unknown)[] = []

before(async () => {
  cluster = await sharedTestCluster()
  webhook = await openWebhook({ after: (end: () => unknown) => void ends.push(end) }, cluster, 'ca')
})
after(async () => {
  for (const end of ends.toReversed()) await end()
  await cluster.stop()
})

async function podsIn(namespace: string): Promise<PodObject[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { items } = await cluster.api.object<{ items: PodObject[] }>('GET', path)
  return items
}

test('a bare pod comes out of the API server with its sidecar first', async () => {
  const namespace = await webhook.covered()
  const own = { initContainers: [{ name: 'prepare', image: 'app' }] }
  const pod = await createPod(cluster, namespace, podTemplate({}, own))
  assert.deepEqual(
    pod.spec.initContainers?.map(({ name }) => name),
    ['lsl-sender-orders', 'prepare'],
  )
  assert.equal(pod.metadata.labels?.[labels.injected], 'true')
})

const template = podTemplate()
const selector = { matchLabels: { app: 'web' } }
const batch = { template: podTemplate({}, { restartPolicy: 'Never' }) }
const workloads: [string, string, string, object][] = [
  ['apps/v1', 'Deployment', 'deployments', { replicas: 1, selector, template }],
  ['apps/v1', 'ReplicaSet', 'replicasets', { replicas: 1, selector, template }],
  [
    'apps/v1',
    'StatefulSet',
    'statefulsets',
    { replicas: 1, selector, serviceName: 'web', template },
  ],
  [
    'apps/v1',
    'DaemonSet',
    'daemonsets',
    { selector, template: podTemplate({}, { tolerations: [{ operator: 'Exists' }] }) },
  ],
  ['batch/v1', 'Job', 'jobs', batch],
]
for (const [apiVersion, kind, plural, spec] of workloads) {
  test(`the pods of a ${kind} come out with their sidecar`, async () => {
    const namespace = await webhook.covered()
    const path = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`
    await cluster.api.object('POST', path, { apiVersion, kind, metadata: { name: 'web' }, spec })
    const pods = await eventually(`the ${kind} has a pod`, async () => {
      const found = await podsIn(namespace)
      assert.ok(found.length > 0)
      return found
    })
    for (const pod of pods) assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
  })
}

test('so do those of a CronJob', async () => {
  const namespace = await webhook.covered()
  await cluster.api.object('POST', `/apis/batch/v1/namespaces/${namespace}/cronjobs`, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'web' },
    spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: batch } },
  })
  await cluster.kubectl(['-n', namespace, 'create', 'job', 'now', '--from', 'cronjob/web'])
  await eventually('the job has a pod', async () => {
    const [pod] = await podsIn(namespace)
    assert.ok(pod)
    assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
  })
})

test('a pod on the network of its node is left out, and kubectl shows why', async () => {
  const namespace = await webhook.covered()
  const pod = podTemplate({ name: 'host' }, { hostNetwork: true })
  assert.deepEqual(sidecarsOf(await createPod(cluster, namespace, pod, { dryRun: true })), [])
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod })
  const create = ['-n', namespace, 'create', '--warnings-as-errors', '-f', '-']
  await assert.rejects(cluster.kubectl(create, text), /no sender of LogstashLink orders/)
})

test('a pod that opts out by its label does not even reach the webhook', async () => {
  const namespace = await webhook.covered()
  const before = await requests()
  const pod = await createPod(
    cluster,
    namespace,
    podTemplate({ labels: { app: 'web', [labels.inject]: 'false' } }),
  )
  assert.deepEqual(sidecarsOf(pod), [])
  assert.equal(await requests(), before)
})

test('a pod of a namespace without links does not reach the webhook', async () => {
  const namespace = await cluster.namespace()
  const before = await requests()
  assert.deepEqual(sidecarsOf(await createPod(cluster, namespace)), [])
  assert.equal(await requests(), before)
})

/** Answered so far. */
async function requests(): Promise<number> {
  const { values } = (await webhook.registry
    .getSingleMetric('logstash_link_webhook_requests_total')
    ?.get()) ?? { values: [] }
  return values.reduce((sum, { value }) => sum + value, 0)
}

test('a container that another webhook adds after ours stays, and ours is asked again and adds nothing', async (t) => {
  const namespace = await webhook.covered()
  await laterWebhook(t, namespace)
  const before = await requests()
  const pod = await eventually('the other webhook adds its container', async () => {
    const found = await createPod(cluster, namespace, podTemplate(), { dryRun: true })
    assert.ok(found.spec.containers.some(({ name }) => name === 'later'))
    return found
  })
  assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
  assert.equal(pod.spec.initContainers?.[0]?.name, 'lsl-sender-orders')
  assert.deepEqual(
    pod.spec.containers.map(({ name }) => name),
    ['app', 'later'],
  )
  assert.ok((await requests()) >= before + 2, 'asked before and after the other one')
})

/** Somebody's injector, whose name comes after ours, so that it is called after ours. */
async function laterWebhook(t: { after(end: () => unknown): void }, namespace: string) {
  const authority = await makeTestAuthority()
  const { certPem, keyPem } = await authority.leaf()
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    void json(request).then((body) => {
      const review = body as { request: { uid: string; object: PodObject } }
      const has = review.request.object.spec.containers.some(({ name }) => name === 'later')
      const patch = [
        { op: 'add', path: '/spec/containers/-', value: { name: 'later', image: 'b' } },
      ]
      const text = Buffer.from(JSON.stringify(has ? [] : patch)).toString('base64')
      const answer = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch: text }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ ...review, request: undefined, response: answer }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  const name = `zz-later-${namespace}`
  await cluster.api.object('POST', configurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'later.example.org',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        reinvocationPolicy: 'IfNeeded',
        clientConfig: {
          url: `https://localhost:${(server.address() as AddressInfo).port}/`,
          caBundle: Buffer.from(authority.caPem).toString('base64'),
        },
        rules: [
          { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      },
    ],
  })
  t.after(async () => {
    await cluster.api.ask('DELETE', `${configurations}/${name}`)
    server.closeAllConnections()
    server.close()
  })
}

test('a namespace under Pod Security restricted takes the injected pod', async () => {
  const namespace = await webhook.covered(
    { orders: quickstart },
    { 'pod-security.kubernetes.io/enforce': 'restricted' },
  )
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const pod = await createPod(
    cluster,
    namespace,
    podTemplate({}, { containers: [{ name: 'app', image: 'app', securityContext }] }),
  )
  assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
  // The policy is on: the same pod without these settings is refused.
  await assert.rejects(createPod(cluster, namespace), /violates PodSecurity/)
})

test('a namespace whose quota wants requests and limits takes the injected pod', async () => {
  const namespace = await webhook.covered()
  await cluster.api.object('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'quota' },
    spec: {
      hard: {
        'requests.cpu': '4',
        'requests.memory': '4Gi',
        'limits.cpu': '8',
        'limits.memory': '8Gi',
        pods: '10',
      },
    },
  })
  const resources = {
    requests: { cpu: '10m', memory: '16Mi' },
    limits: { cpu: '100m', memory: '64Mi' },
  }
  const spec = { containers: [{ name: 'app', image: 'app', resources }] }
  const pod = await eventually('the quota is counted and takes the pod', () =>
    createPod(cluster, namespace, podTemplate({}, spec)),
  )
  assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
  await assert.rejects(createPod(cluster, namespace), /must specify/)
})

test("the application's token does not reach the sidecar", async () => {
  const namespace = await webhook.covered()
  const pod = await createPod(cluster, namespace)
  const mountsOf = (name: string) =>
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
      .find((container) => container.name === name)
      ?.volumeMounts?.filter(({ mountPath }) => mountPath === mounts.serviceAccount) ?? []
  const token = sidecarVolumeName('orders', 'sender', 'token')
  assert.deepEqual(
    mountsOf('lsl-sender-orders').map(({ name }) => name),
    [token],
  )
  assert.ok(pod.spec.volumes?.find(({ name }) => name === token)?.emptyDir)
  // The application keeps its own: the API server did hand out tokens.
  assert.match(mountsOf('app')[0]?.name ?? '', /^kube-api-access-/)
})

test('a pod starts though neither Secret nor ConfigMap of its sidecar exist', async () => {
  const namespace = await webhook.covered({
    orders: { ...quickstart, auth: { secretRef: { name: 'nowhere' } } },
  })
  for (const app of ['web', 'indexer']) {
    const { metadata, spec } = await createPod(cluster, namespace, podTemplate({ labels: { app } }))
    const named = (spec.volumes ?? []).flatMap((volume) => Object.values(volume).filter(isNamed))
    assert.ok(named.length > 0)
    assert.deepEqual(
      named.filter(({ optional }) => optional !== true),
      [],
    )
    await eventually('the pod is ready', async () => {
      const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}`
      const { status } = await cluster.api.object<PodObject>('GET', path)
      assert.ok(
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      )
    })
  }
})

function isNamed(source: unknown): source is { optional?: boolean } {
  return (
    typeof source === 'object' && source !== null && ('secretName' in source || 'name' in source)
  )
}

test('one pod holds the sidecars of several links', async () => {
  const sender = { ...quickstart.sender, collect: { http: { port: 9811 } } }
  const namespace = await webhook.covered({
    orders: quickstart,
    audit: { ...quickstart, sender },
    chain: {
      ...quickstart,
      receiver: { selector: { matchLabels: { app: 'web' } }, deliver: { stdout: {} } },
      sender: { ...sender, selector: { matchLabels: { app: 'other' } } },
    },
  })
  const pod = await createPod(cluster, namespace)
  assert.deepEqual(sidecarsOf(pod).toSorted(), [
    'lsl-receiver-chain',
    'lsl-sender-audit',
    'lsl-sender-orders',
  ])
})

test('of two links that want one port the younger is skipped, and kubectl shows it', async () => {
  const namespace = await webhook.covered()
  // Ages are whole seconds.
  const first = await cluster.api.object(
    'GET',
    `/apis/logstashlink.io/v1alpha1/namespaces/${namespace}/logstashlinks/orders`,
  )
  await eventually('a second has passed', () =>
    assert.ok(Date.now() > Date.parse(first.metadata.creationTimestamp ?? '') + 1000),
  )
  await makeLink(cluster, namespace, 'a-younger-one', quickstart)
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...podTemplate({ name: 'web' }) })
  const dryRun = ['--dry-run=server', '--warnings-as-errors', '-f', '-']
  await eventually('the younger link is told', () =>
    assert.rejects(
      cluster.kubectl(['-n', namespace, 'create', ...dryRun], text),
      /no sender of LogstashLink a-younger-one: .*9801/,
    ),
  )
  assert.deepEqual(sidecarsOf(await createPod(cluster, namespace)), ['lsl-sender-orders'])
})

test('a link of kube-system does not bring its pods to the webhook, and a sentence says so', async (t) => {
  const path = '/apis/logstashlink.io/v1alpha1/namespaces/kube-system/logstashlinks/orders'
  t.after(() => cluster.api.ask('DELETE', path))
  await makeLink(cluster, 'kube-system', 'orders', quickstart)
  await webhook.covered()
  assert.match(webhook.keeper.problem('kube-system') ?? '', /never injected/)
  assert.deepEqual(
    sidecarsOf(await createPod(cluster, 'kube-system', podTemplate(), { dryRun: true })),
    [],
  )
})

test('a pod that is created as soon as its namespace is covered is injected', async () => {
  for (let count = 0; count < 5; count += 1) {
    await Promise.all([coveredPod(), coveredPod(), coveredPod(), coveredPod()])
  }
})

async function coveredPod(): Promise<void> {
  const namespace = await webhook.covered()
  const pod = await createPod(cluster, namespace, podTemplate(), { dryRun: true })
  assert.deepEqual(sidecarsOf(pod), ['lsl-sender-orders'])
}
