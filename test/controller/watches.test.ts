import assert from 'node:assert/strict'
import test from 'node:test'
import { annotations, labels as ourLabels } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { createWatches } from '../../src/controller/watches.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { linkOf } from '../support/links.ts'

async function setUp(t: { after(done: () => void): void }, links = [linkOf()]) {
  const cluster = createInMemoryCluster({ now: () => new Date(0) })
  for (const link of links) await cluster.create(link)
  let now: string[] = []
  let soon: string[] = []
  const watches = createWatches({
    cluster,
    clock: fakeClock(),
    enqueue: (key) => now.push(key),
    enqueueSoon: (key) => soon.push(key),
  })
  t.after(() => watches.stop())
  await watches.start()
  const take = async () => {
    await cluster.settled()
    const taken = { now: [...new Set(now)].toSorted(), soon: [...new Set(soon)].toSorted() }
    now = []
    soon = []
    return taken
  }
  return { cluster, watches, take, initial: await take() }
}

function object(kind: string, name: string, more: object = {}, metadata: object = {}): KubeObject {
  const apiVersion = kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'v1'
  return { apiVersion, kind, metadata: { namespace: 'shop', name, ...metadata }, ...more }
}

const ours = { labels: { [ourLabels.managedBy]: 'logstash-link', [ourLabels.link]: 'orders' } }
const service = (name: string) => ({ labels: { 'kubernetes.io/service-name': name } })
const links = [
  linkOf(),
  linkOf(
    {
      receiver: { serviceRef: { name: 'logstash' } },
      sender: linkOf().spec.sender,
      tls: { trust: { secretRef: { name: 'ds-ca' } } },
    },
    { name: 'ref' },
  ),
  linkOf(
    {
      auth: { secretRef: { name: 'basic' } },
      receiver: { ...linkOf().spec.receiver, selector: { matchLabels: { app: 'other' } } },
    },
    { name: 'auth' },
  ),
  linkOf({}, { name: 'orders', namespace: 'elsewhere', uid: 'elsewhere' }),
]
const containers = { spec: { containers: [{ name: 'a' }] } }

const mappings: [string, KubeObject, string[]][] = [
  ['its own Service', object('Service', 'orders-receiver', {}, ours), ['shop/orders']],
  ['the Service that it names', object('Service', 'logstash'), ['shop/ref']],
  ['another Service', object('Service', 'web'), []],
  ['its ConfigMap', object('ConfigMap', 'orders-sender', {}, ours), ['shop/orders']],
  ['what it no longer uses', object('ConfigMap', 'old', {}, ours), ['shop/orders']],
  ['what is not ours', object('ConfigMap', 'orders-sender'), []],
  ['the Secret of its certificate', object('Secret', 'auth-receiver-tls'), ['shop/auth']],
  ['the Secret of its users', object('Secret', 'basic'), ['shop/auth']],
  ['the Secret of its authority', object('Secret', 'ds-ca'), ['shop/ref']],
  ['another Secret', object('Secret', 'any'), []],
  [
    'the endpoints of its Service',
    object('EndpointSlice', 'x', {}, service('orders-receiver')),
    ['shop/orders'],
  ],
  [
    'the endpoints of the named Service',
    object('EndpointSlice', 'x', {}, service('logstash')),
    ['shop/ref'],
  ],
  [
    'a pod that receives',
    object('Pod', 'x', containers, { labels: { app: 'other' } }),
    ['shop/auth'],
  ],
  [
    'a pod that sends',
    object('Pod', 'x', containers, { labels: { app: 'web' } }),
    ['shop/auth', 'shop/orders', 'shop/ref'],
  ],
  ['any other pod', object('Pod', 'x', containers, { labels: { app: 'x' } }), []],
]
for (const [what, changed, expected] of mappings) {
  test(`${what} brings back ${expected.join(', ') || 'no link'}`, async (t) => {
    const { cluster, take } = await setUp(t, links)
    await cluster.create(changed)
    assert.deepEqual((await take()).now, expected)
    const { apiVersion, kind, metadata } = changed
    await cluster.delete({ apiVersion, kind, namespace: 'shop', name: metadata.name })
    assert.deepEqual((await take()).now, expected)
  })
}

test('what exists at the start is looked at', async (t) => {
  const { initial } = await setUp(t, links)
  assert.deepEqual(initial.now, ['elsewhere/orders', 'shop/auth', 'shop/orders', 'shop/ref'])
})

test('a pod that leaves the selector brings the link back once more', async (t) => {
  const { cluster, take } = await setUp(t)
  await cluster.apply(object('Pod', 'x', containers, { labels: { app: 'web' } }))
  await take()
  await cluster.apply(object('Pod', 'x', containers, { labels: { app: 'gone' } }))
  assert.deepEqual((await take()).now, ['shop/orders'])
  await cluster.apply(object('Pod', 'x', containers, { labels: { app: 'away' } }))
  assert.deepEqual((await take()).now, [])
})

test('our own nudge of a pod brings nothing back, its readiness does', async (t) => {
  const { cluster, take } = await setUp(t)
  const labels = { app: 'web', [ourLabels.injected]: 'true' }
  await cluster.apply(object('Pod', 'x', containers, { labels }))
  await take()
  const nudged = { annotations: { [annotations.nudged]: 'now' } }
  await cluster.as('other').apply(object('Pod', 'x', {}, nudged))
  assert.deepEqual((await take()).now, [])
  const conditions = [{ type: 'Ready', status: 'True' }]
  await cluster.applyStatus(object('Pod', 'x', { status: { conditions } }))
  assert.deepEqual((await take()).now, ['shop/orders'])
})

test('links of one namespace look again soon when one of them changes or goes', async (t) => {
  const { cluster, take } = await setUp(t, links)
  await cluster.delete({
    apiVersion: linkOf().apiVersion,
    kind: linkOf().kind,
    namespace: 'shop',
    name: 'ref',
  })
  assert.deepEqual(await take(), { now: ['shop/ref'], soon: ['shop/auth', 'shop/orders'] })
})

test('a node that comes into a zone concerns links that prefer their own', async (t) => {
  const zoned = linkOf({ balancing: { preferSameZone: true } }, { name: 'zoned' })
  const { cluster, take } = await setUp(t, [linkOf(), zoned])
  for (const [zone, expected] of [
    ['a', ['shop/zoned']],
    ['a', []],
    ['b', ['shop/zoned']],
  ] as const) {
    await cluster.apply(node(zone))
    assert.deepEqual((await take()).soon, expected)
  }
})

function node(zone: string): KubeObject {
  const labels = { 'topology.kubernetes.io/zone': zone }
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } }
}

test('what we wrote ourselves brings nothing back, another’s edit of it does', async (t) => {
  const { cluster, watches, take } = await setUp(t)
  const map = object('ConfigMap', 'orders-sender', {}, ours)
  await watches.view.writing('shop/orders', map, () => cluster.create(map))
  assert.deepEqual((await take()).now, [])
  await cluster.as('other').apply(object('ConfigMap', 'orders-sender', { data: { a: 'b' } }))
  assert.deepEqual((await take()).now, ['shop/orders'])
  const [key] = watches.view.standing('shop/orders')
  assert.equal(key?.name, 'orders-sender')
})

function write(by: Cluster, what: KubeObject): Promise<KubeObject> {
  return what.kind === 'ConfigMap' ? by.apply(what) : by.applyStatus(what)
}

for (const [what, written] of [
  ['an object', object('ConfigMap', 'orders-sender', { data: { a: 'b' } }, ours)],
  [
    'a status',
    { ...linkOf(), metadata: { namespace: 'shop', name: 'orders' }, status: { conditions: [] } },
  ],
] as const) {
  test(`what we wrote into ${what} brings nothing back where the watch is faster than the answer, and what others write meanwhile does`, async (t) => {
    const { cluster, watches, take } = await setUp(t)
    const writing = (meanwhile: () => Promise<unknown>) =>
      watches.view.writing('shop/orders', written, async () => {
        const answer = await write(cluster, written)
        await meanwhile()
        await cluster.settled()
        assert.deepEqual((await take()).now, [])
        return answer
      })
    await writing(async () => undefined)
    assert.deepEqual((await take()).now, [])
    const { status: _, ...rest } = written as KubeObject
    const foreign = { ...rest, metadata: { ...rest.metadata, labels: { x: 'y' } } }
    await writing(() => cluster.as('other').apply(foreign))
    assert.deepEqual((await take()).now, ['shop/orders'])
  })
}

test('what others change while a write of ours fails brings the link back', async (t) => {
  const { cluster, watches, take } = await setUp(t)
  const map = object('ConfigMap', 'orders-sender', {}, ours)
  const failing = watches.view.writing('shop/orders', map, async () => {
    await cluster.as('other').create(map)
    await cluster.settled()
    throw new Error('connection reset')
  })
  await assert.rejects(failing)
  assert.deepEqual((await take()).now, ['shop/orders'])
})

test('a new link is looked at once all around it was seen, and sees the pods that were there before', async (t) => {
  const { cluster, watches, take } = await setUp(t, [])
  await cluster.create(object('Pod', 'before', containers, { labels: { app: 'web' } }))
  await cluster.create(linkOf())
  assert.deepEqual((await take()).now, ['shop/orders'])
  assert.deepEqual(
    watches.view.pods('shop/orders').map(({ metadata }) => metadata.name),
    ['before'],
  )
})

test('a namespace whose last link goes is looked at no more', async (t) => {
  const { cluster, watches, take } = await setUp(t)
  await cluster.create(object('Pod', 'x', containers, { labels: { app: 'web' } }))
  await cluster.create(object('EndpointSlice', 'x', {}, service('orders-receiver')))
  await take()
  const { apiVersion, kind } = linkOf()
  await cluster.delete({ apiVersion, kind, namespace: 'shop', name: 'orders' })
  await take()
  assert.deepEqual(watches.view.pods('shop/orders'), [])
  assert.deepEqual(watches.view.slices('shop', 'orders-receiver'), [])
  await cluster.create(object('Pod', 'y', containers, { labels: { app: 'web' } }))
  assert.deepEqual((await take()).now, [])
})

test('a pod that has finished without a sidecar is seen no more', async (t) => {
  const { cluster, watches, take } = await setUp(t)
  await cluster.create(object('Pod', 'x', containers, { labels: { app: 'web' } }))
  await take()
  assert.equal(watches.view.pods('shop/orders').length, 1)
  await cluster.applyStatus(object('Pod', 'x', { status: { phase: 'Succeeded' } }))
  assert.deepEqual((await take()).now, ['shop/orders'])
  assert.deepEqual(watches.view.pods('shop/orders'), [])
})
