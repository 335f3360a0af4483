import assert from 'node:assert/strict'
import test from 'node:test'
import { certificateNameAnnotation, injectedAnnotation, sidecarName } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { observe } from '../../src/controller/observe.ts'
import { observePods } from '../../src/controller/observe-pods.ts'
import { createSecretReader } from '../../src/controller/observe-secrets.ts'
import { createWatches } from '../../src/controller/watches.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { linkOf } from '../support/links.ts'

const context = { samples: [], now: '2026-11-22T12:00:00Z' }
const key = { namespace: 'shop', name: 'orders' }
const now = () => new Date(0)

/** What the controller sees of a cluster once its watches have. */
async function look(cluster: Cluster) {
  const watches = createWatches({
    cluster,
    clock: fakeClock(),
    enqueue: () => undefined,
    enqueueSoon: () => undefined,
  })
  await watches.start()
  const secrets = createSecretReader()
  const observation = await observe({ cluster, view: watches.view, secrets }, key, context)
  watches.stop()
  return observation
}

function secret(name: string, data: Record<string, string>, annotations = {}): KubeObject {
  const encoded = Object.entries(data).map(([file, text]) => [
    file,
    Buffer.from(text).toString('base64'),
  ])
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'shop', name, annotations },
    data: Object.fromEntries(encoded),
  }
}

test('of Secrets no value is handed on but authorities, and the end of the leaf', async () => {
  const cluster = createInMemoryCluster({ now })
  const authority = await makeTestAuthority()
  const leaf = await authority.leaf()
  await cluster.create(linkOf({ auth: { secretRef: { name: 'basic' } } }))
  await cluster.create(secret('basic', { username: 'secret-user', password: 'secret-word' }))
  const files = { 'tls.crt': leaf.certPem, 'tls.key': leaf.keyPem, 'ca.crt': authority.caPem }
  const writtenFor = { [certificateNameAnnotation]: 'orders-receiver' }
  await cluster.create(secret('orders-receiver-tls', files, writtenFor))
  await cluster.create(secret('orders-keystore-password', { password: 'secret-word' }))
  const observation = await look(cluster)
  const { observed } = observation ?? assert.fail('the link exists')
  assert.deepEqual(observed.named.auth?.keys, ['password', 'username'])
  assert.equal(observed.identities.receiver?.ca, authority.caPem)
  const notAfter = leaf.notAfter.toISOString().replace(/\.\d+Z$/, 'Z')
  assert.equal(observed.identities.receiver?.notAfter, notAfter)
  const text = JSON.stringify(observation)
  for (const value of ['secret-user', 'secret-word', leaf.keyPem]) {
    assert.ok(!text.includes(JSON.stringify(value).slice(1, -1)))
    assert.ok(!text.includes(Buffer.from(value).toString('base64')))
  }
})

const notIdentities: [string, KubeObject][] = [
  [
    'was written for another Certificate',
    secret('orders-receiver-tls', { 'tls.crt': 'x' }, { [certificateNameAnnotation]: 'other' }),
  ],
  ['was written by nobody', secret('orders-receiver-tls', { 'tls.crt': 'x' })],
  [
    'holds no leaf yet',
    secret('orders-receiver-tls', {}, { [certificateNameAnnotation]: 'orders-receiver' }),
  ],
]
for (const [why, object] of notIdentities) {
  test(`a Secret is no identity when it ${why}`, async () => {
    const cluster = createInMemoryCluster({ now })
    await cluster.create(linkOf())
    await cluster.create(object)
    const observation = await look(cluster)
    assert.deepEqual(observation?.observed.identities, {})
  })
}

test('a leaf that is no certificate is an identity without an end', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.create(linkOf())
  const writtenFor = { [certificateNameAnnotation]: 'orders-receiver' }
  await cluster.create(secret('orders-receiver-tls', { 'tls.crt': 'rubbish' }, writtenFor))
  const observation = await look(cluster)
  const identity = observation?.observed.identities.receiver
  assert.ok(identity !== undefined && identity.notAfter === undefined)
})

test('a link that is gone, or going, is not observed', async () => {
  const cluster = createInMemoryCluster({ now })
  assert.equal(await look(cluster), undefined)
  await cluster.create(linkOf({}, { finalizers: ['example.com/hold'] }))
  await cluster.delete({ apiVersion: linkOf().apiVersion, kind: linkOf().kind, ...key })
  assert.equal(await look(cluster), undefined)
})

test('zones are looked at only where they are asked for', async () => {
  const cluster = createInMemoryCluster({ now })
  const labels = { 'topology.kubernetes.io/zone': 'a' }
  await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } })
  await cluster.create(linkOf())
  const zones = async () => (await look(cluster))?.observed.nodeZones
  assert.deepEqual(await zones(), {})
  const { uid: _uid, ...metadata } = linkOf().metadata
  await cluster.apply({ ...linkOf({ balancing: { preferSameZone: true } }), metadata })
  assert.deepEqual(await zones(), { n1: 'a' })
})

test('pods are picked by selector or by what was injected, and stripped', () => {
  const link = linkOf()
  const seen = observePods(link, [
    pod('other', {}, { labels: { app: 'other' } }),
    pod(
      'web',
      {
        spec: { hostNetwork: true },
        status: {
          phase: 'Running',
          podIP: '10.0.0.1',
          conditions: [{ type: 'Ready', status: 'True' }],
          initContainerStatuses: [
            { name: 'foreign', ready: false },
            { name: sidecarName('orders', 'sender'), ready: true },
          ],
        },
      },
      {
        labels: { app: 'web', 'pod-template-hash': 'abc' },
        ownerReferences: [{ kind: 'ReplicaSet', name: 'web-abc', controller: true }],
      },
    ),
    pod(
      'left',
      { status: { phase: 'Failed' } },
      {
        annotations: { [injectedAnnotation('orders', 'sender')]: '{}' },
      },
    ),
    pod('ending', {}, { labels: { app: 'indexer' }, deletionTimestamp: 'now' }),
  ])
  assert.deepEqual(
    seen.map(({ name, roles, ready, finished, hostNetwork, ips, workload, sidecars }) => ({
      name,
      roles,
      ready,
      finished,
      hostNetwork,
      ips,
      workload,
      sidecars,
    })),
    [
      {
        name: 'web',
        roles: ['sender'],
        ready: true,
        finished: false,
        hostNetwork: true,
        ips: ['10.0.0.1'],
        workload: 'Deployment/web',
        sidecars: { sender: { ready: true } },
      },
      {
        name: 'left',
        roles: [],
        ready: false,
        finished: true,
        hostNetwork: false,
        ips: [],
        workload: undefined,
        sidecars: {},
      },
      {
        name: 'ending',
        roles: ['receiver'],
        ready: false,
        finished: true,
        hostNetwork: false,
        ips: [],
        workload: undefined,
        sidecars: {},
      },
    ],
  )
})

function pod(name: string, more: object = {}, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name, ...metadata },
    ...more,
  }
}
