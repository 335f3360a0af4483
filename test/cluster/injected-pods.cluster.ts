/** Pods as injection makes them, created on a real API server without a webhook: taken, and harmless as they come back. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { V1PodSpec } from '@kubernetes/client-node'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { inject } from '../../src/injector/inject.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { assertHarmless, sidecarsOf } from '../support/sidecar-rules.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const web = { matchLabels: { app: 'web' } }
const serviceAccountPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** All volumes that injection knows, both roles, several links. */
const links: LogstashLink[] = [
  linkOf({
    receiver: { selector: web, deliver: { unix: { volume: 'sock', path: 'in.sock' } } },
    auth: { secretRef: { name: 'basic' } },
  }),
  linkOf(
    {
      receiver: { selector: web, port: 9810, deliver: { http: { port: 8080 } } },
      sender: { selector: web, collect: { tcp: { port: 9820 } } },
      tls: { issuerRef: { name: 'ca' }, clientAuthentication: 'Required' },
    },
    { name: 'relay' },
  ),
]

/** What a pod of the level `restricted` says of itself. */
const restricted = {
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containers: [
    {
      name: 'app',
      image: 'app',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      resources: {
        requests: { cpu: '10m', memory: '10Mi' },
        limits: { cpu: '20m', memory: '20Mi' },
      },
    },
  ],
  volumes: [{ name: 'sock', emptyDir: {} }],
}

function limited(limits: object): LogstashLink {
  const collect = { http: { port: 9801 } }
  return linkOf({ sender: { selector: web, collect, sidecar: { resources: { limits } } } })
}

function specOf(pod: KubeObject): V1PodSpec {
  return pod['spec'] as V1PodSpec
}

describe('an injected pod on a real API server', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  const create = async (
    namespace: string,
    spec: object = {},
    { by = links, annotations = {} }: { by?: LogstashLink[]; annotations?: object } = {},
  ) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'web-', namespace, labels: { app: 'web' }, annotations },
      spec: { ...restricted, ...spec },
    } as unknown as KubeObject
    const here = by.map((link) => ({ ...link, metadata: { ...link.metadata, namespace } }))
    const { pod: injected } = inject({ pod, namespace, links: here, options: operatorOptions })
    const path = `/api/v1/namespaces/${namespace}/pods?fieldValidation=Strict`
    return cluster.api.object('POST', path, injected)
  }
  const make = (namespace: string, kind: string, spec: object) =>
    cluster.api.object('POST', `/api/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, {
      apiVersion: 'v1',
      kind,
      metadata: { name: 'bounds' },
      spec,
    })
  const level = (namespace: string) =>
    cluster.kubectl([
      'label',
      'namespace',
      namespace,
      'pod-security.kubernetes.io/enforce=restricted',
      'pod-security.kubernetes.io/enforce-version=latest',
    ])

  it('is taken where Pod Security is restricted, and the application’s token reaches no sidecar', async () => {
    const namespace = await cluster.namespace()
    await level(namespace)
    const pod = await create(namespace)
    assertHarmless(pod, ['sock'])
    assert.deepEqual(
      sidecarsOf(pod).map(({ name }) => name),
      ['lsl-receiver-orders', 'lsl-sender-orders', 'lsl-receiver-relay', 'lsl-sender-relay'],
    )
    // The very admission that our directory keeps off gave the token to the application.
    const [app] = specOf(pod).containers
    const token = app?.volumeMounts?.find(({ mountPath }) => mountPath === serviceAccountPath)
    assert.match(token?.name ?? '', /^kube-api-access-/)
  })

  it('keeps tokens off whatever pod and service account say of them', async () => {
    const namespace = await cluster.namespace()
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts`
    await cluster.api.object('POST', account, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'quiet' },
      automountServiceAccountToken: false,
    })
    const vault = {
      name: 'vault',
      projected: { sources: [{ serviceAccountToken: { path: 'vault', audience: 'vault' } }] },
    }
    const [app] = restricted.containers
    const custom = {
      containers: [{ ...app, volumeMounts: [{ name: 'vault', mountPath: '/var/run/vault' }] }],
      volumes: [...restricted.volumes, vault],
    }
    const specs = [
      { automountServiceAccountToken: false },
      { automountServiceAccountToken: true },
      { serviceAccountName: 'quiet' },
      { serviceAccountName: 'quiet', automountServiceAccountToken: true },
      custom,
    ]
    for (const spec of specs) {
      assertHarmless(await create(namespace, spec), ['sock'])
    }
  })

  it('is taken where a quota wants CPU and memory of every container, and where a range gives defaults', async () => {
    const namespace = await cluster.namespace()
    await make(namespace, 'ResourceQuota', {
      hard: {
        'requests.cpu': '2',
        'requests.memory': '2Gi',
        'limits.cpu': '8',
        'limits.memory': '4Gi',
        pods: '5',
      },
    })
    const pod = await create(namespace)
    assertHarmless(pod, ['sock'])
    const ranged = await cluster.namespace()
    await make(ranged, 'LimitRange', {
      limits: [
        {
          type: 'Container',
          default: { cpu: '100m', memory: '64Mi' },
          defaultRequest: { cpu: '1m', memory: '1Mi' },
          max: { cpu: '2', memory: '1Gi' },
        },
      ],
    })
    assert.deepEqual(
      sidecarsOf(await create(ranged)).map(({ resources }) => resources),
      sidecarsOf(pod).map(({ resources }) => resources),
    )
  })

  it('is taken in a range that is narrower than the defaults once its link says so', async () => {
    const namespace = await cluster.namespace()
    const max = { cpu: '200m', memory: '128Mi' }
    await make(namespace, 'LimitRange', { limits: [{ type: 'Container', max }] })
    await assert.rejects(create(namespace, {}, { by: [limited({})] }), /maximum memory usage/)
    assertHarmless(await create(namespace, {}, { by: [limited(max)] }))
  })

  it('shares what is given to the pod as a whole', async () => {
    const namespace = await cluster.namespace()
    await level(namespace)
    const [{ resources: _, ...app } = {}] = restricted.containers
    const resources = { requests: { cpu: '20m', memory: '50Mi' }, limits: { memory: '60Mi' } }
    const pod = await create(namespace, { containers: [app], resources })
    assertHarmless(pod, ['sock'])
    assert.deepEqual(specOf(pod).resources?.limits, { memory: '60Mi' })
  })

  it('leaves a pod of the class Guaranteed in it', async () => {
    const namespace = await cluster.namespace()
    const [app] = restricted.containers
    const amounts = { cpu: '100m', memory: '64Mi' }
    const guaranteed = { ...app, resources: { requests: amounts, limits: amounts } }
    const pod = await create(namespace, { containers: [guaranteed] })
    assert.equal((pod['status'] as { qosClass?: string }).qosClass, 'Guaranteed')
  })

  it('is taken as the mirror of a static pod, which injection leaves alone', async () => {
    const namespace = await cluster.namespace()
    const annotations = { 'kubernetes.io/config.mirror': 'a1b2c3' }
    const spec = { ...restricted, nodeName: 'fake1' }
    const pod = await create(namespace, spec, { annotations })
    assert.deepEqual(sidecarsOf(pod), [])
  })

  it('may have init containers, any restart policy and ephemeral volumes of its own', async () => {
    const namespace = await cluster.namespace()
    const [app] = restricted.containers
    for (const restartPolicy of ['Always', 'OnFailure', 'Never']) {
      const pod = await create(namespace, {
        restartPolicy,
        initContainers: [
          { ...app, name: 'setup' },
          { ...app, name: 'proxy', restartPolicy: 'Always' },
        ],
      })
      assertHarmless(pod, ['sock'])
      assert.equal(specOf(pod).initContainers?.at(-1)?.name, 'proxy')
    }
  })
})
