/** What every implementation of the cluster port does alike; run on the in-memory cluster and on a real API server. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { TestContext } from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import {
  ClusterError,
  type Cluster,
  type ClusterErrorReason,
  type WatchEvent,
} from '../../src/kube/cluster.ts'
import { eventually } from '../support/eventually.ts'
import type { ClusterUnderTest } from '../controller/world.ts'

const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' }

export function portSuite(where: string, open: () => Promise<ClusterUnderTest>): void {
  const check = (title: string, run: (world: World) => Promise<void>) => {
    test(`${where}: ${title}`, async (t) => run(await openWorld(t, open)))
  }

  check('a second object of a name is AlreadyExists', async ({ cluster, configMap, keyOf }) => {
    const made = await cluster.create(configMap('a', { x: '1' }))
    assert.match(made.metadata.uid ?? '', /^[0-9a-f-]{36}$/)
    assert.deepEqual(await cluster.get(keyOf(made)), made)
    await refuses('AlreadyExists', cluster.create(configMap('a')))
  })

  check('generateName makes a name', async ({ cluster, configMap }) => {
    const { name: _, ...metadata } = configMap('').metadata
    const object = { ...configMapKind, metadata: { ...metadata, generateName: 'web-' } }
    const made = await cluster.create(object as unknown as KubeObject)
    assert.match(made.metadata.name, /^web-[0-9a-z]{5}$/)
  })

  check('apply removes what its manager no longer names and nobody else owns', async (world) => {
    const { cluster, user, configMap } = world
    await cluster.apply(configMap('a', { ours: '1', shared: '1' }))
    await user.apply(configMap('a', { theirs: '2', shared: '1' }))
    const after = await cluster.apply(configMap('a', { other: '3' }))
    assert.deepEqual(after['data'], { other: '3', shared: '1', theirs: '2' })
  })

  check('a forced apply takes a field over', async ({ cluster, user, configMap }) => {
    await user.apply(configMap('a', { x: 'theirs' }))
    assert.deepEqual((await cluster.apply(configMap('a', { x: 'ours' })))['data'], { x: 'ours' })
    assert.deepEqual((await user.apply(configMap('a')))['data'], { x: 'ours' })
  })

  check('what a POST wrote is not removed by a later apply', async ({ cluster, configMap }) => {
    await cluster.create(configMap('a', { x: '1' }))
    assert.deepEqual((await cluster.apply(configMap('a', { y: '2' })))['data'], { x: '1', y: '2' })
  })

  check('an apply of the same again writes nothing', async ({ cluster, ns }) => {
    const wanted: KubeObject = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: ns, name: 'svc' },
      spec: { clusterIP: 'None', ports: [{ name: 'lsl', port: 9800 }] },
    }
    const first = await cluster.apply(wanted)
    assert.deepEqual((first['spec'] as { ports: unknown }).ports, [
      { name: 'lsl', port: 9800, protocol: 'TCP', targetPort: 9800 },
    ])
    const second = await cluster.apply(wanted)
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
  })

  check('apply drops the status, applyStatus drops the rest', async ({ cluster, user, ns }) => {
    const certificate = (spec: object, metadata: object = {}): KubeObject => ({
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata: { namespace: ns, name: 'cert', ...metadata },
      spec: { secretName: 'a', issuerRef: { name: 'ca' }, dnsNames: ['a'], ...spec },
    })
    const ready = { type: 'Mine', status: 'True' }
    const made = await cluster.apply<KubeObject>({
      ...certificate({}),
      status: { conditions: [ready] },
    })
    assert.equal((made['status'] as { conditions?: unknown[] } | undefined)?.conditions, undefined)
    const theirs = { type: 'Theirs', status: 'False' }
    await user.applyStatus({ ...certificate({}), status: { conditions: [theirs] } })
    const after: KubeObject = await cluster.applyStatus<KubeObject>({
      ...certificate({ secretName: 'b' }, { labels: { x: '1' } }),
      status: { conditions: [ready] },
    })
    assert.deepEqual(after['spec'], made['spec'])
    assert.equal(after.metadata.labels, undefined)
    const { conditions } = after['status'] as { conditions: { type: string }[] }
    const types = conditions.map(({ type }) => type)
    assert.ok(types.includes('Mine') && types.includes('Theirs'), types.join())
    await refuses('NotFound', cluster.applyStatus(certificate({}, { name: 'none' })))
  })

  check('a foreign uid or an old version is a Conflict and changes nothing', async (world) => {
    const { cluster, configMap, keyOf } = world
    const { resourceVersion } = (await cluster.apply(configMap('a', { x: '0' }))).metadata
    const made = await cluster.apply(configMap('a', { x: '1' }))
    const withMeta = (metadata: object) => ({
      ...configMap('a', { x: '2' }),
      metadata: { ...configMap('a').metadata, ...metadata },
    })
    const foreign = '00000000-0000-4000-8000-000000000000'
    await refuses('Conflict', cluster.apply(withMeta({ uid: foreign })))
    await refuses('Conflict', cluster.apply(withMeta({ resourceVersion })))
    await refuses('Conflict', cluster.delete(keyOf(made), { uid: foreign }))
    assert.deepEqual(await cluster.get(keyOf(made)), made)
    await cluster.apply(withMeta({ uid: made.metadata.uid }))
    await cluster.delete(keyOf(made), { uid: made.metadata.uid ?? '' })
    await refuses('Conflict', cluster.apply(withMeta({ uid: made.metadata.uid })))
    await cluster.delete(keyOf(made))
    assert.equal(await cluster.get(keyOf(made)), undefined)
  })

  check('a watch tells what exists, then what oneself and others change', async (world) => {
    const { cluster, user, configMap, keyOf, ns } = world
    await user.create(configMap('a'))
    const { told, subscription } = follow(cluster, { namespace: ns })
    await subscription.synced
    assert.ok(told().includes('ADDED a'))
    const others = told().length - 1
    await user.apply(configMap('a', { x: '1' }))
    const made = await cluster.create(configMap('b'))
    await user.delete(keyOf(made))
    const own = () => told().filter((line) => !line.endsWith('kube-root-ca.crt'))
    await eventually('all is told', () =>
      assert.deepEqual(own().toSorted(), ['ADDED a', 'ADDED b', 'DELETED b', 'MODIFIED a']),
    )
    assert.ok(others <= 1)
    subscription.stop()
    await user.create(configMap('c'))
    assert.ok(!told().includes('ADDED c'))
  })

  check('an object that leaves the selector of a watch is DELETED to it', async (world) => {
    const { cluster, user, configMap, ns } = world
    const selector = { matchLabels: { app: 'web' } }
    const { events, told, subscription } = follow(cluster, { namespace: ns, selector })
    await subscription.synced
    for (const app of ['other', 'web', 'other', 'web']) {
      const { metadata, ...rest } = configMap('a')
      await user.apply({ ...rest, metadata: { ...metadata, labels: { app } } })
    }
    await eventually('all is told', () =>
      assert.deepEqual(told(), ['ADDED a', 'DELETED a', 'ADDED a']),
    )
    assert.deepEqual(events[1]?.object.metadata.labels, { app: 'web' })
  })

  check('lists select by labels, with a watch and without', async ({ cluster, configMap, ns }) => {
    const sets: Record<string, Record<string, string>> = {
      c: { all: '1' },
      b: { all: '1', app: 'web' },
      a: { all: '1', app: 'web', tier: 'x' },
    }
    for (const [name, labels] of Object.entries(sets)) {
      const { metadata, ...rest } = configMap(name)
      await cluster.create({ ...rest, metadata: { ...metadata, labels } })
    }
    const matchLabels = { all: '1' }
    const cases: [object, string[]][] = [
      [{ matchLabels: { ...matchLabels, app: 'web' } }, ['a', 'b']],
      [expression(matchLabels, { key: 'tier', operator: 'In', values: ['x', 'y'] }), ['a']],
      [expression(matchLabels, { key: 'tier', operator: 'NotIn', values: ['x'] }), ['b', 'c']],
      [expression(matchLabels, { key: 'app', operator: 'Exists' }), ['a', 'b']],
      [expression(matchLabels, { key: 'tier', operator: 'DoesNotExist' }), ['b', 'c']],
      [{ matchLabels }, ['a', 'b', 'c']],
    ]
    const checkAll = async () => {
      for (const [selector, expected] of cases) {
        const found = await cluster.list(configMapKind, { namespace: ns, selector })
        assert.deepEqual(
          found.map(({ metadata }) => metadata.name),
          expected,
        )
      }
    }
    await checkAll()
    const { subscription } = follow(cluster, { namespace: ns })
    await subscription.synced
    await checkAll()
    subscription.stop()
  })

  check('what is no object is Invalid, by create and by apply', async (world) => {
    const { cluster, configMap, ns } = world
    const withMetadata = (metadata: object): KubeObject => ({
      ...configMapKind,
      metadata: { namespace: ns, name: 'a', ...metadata },
    })
    const objects = [
      configMap('Web'),
      configMap('a'.repeat(254)),
      { ...configMapKind, metadata: { name: 'a' } },
      { apiVersion: 'v1', kind: 'Node', metadata: { namespace: ns, name: 'a' } },
      withMetadata({ labels: { a: 'b c' } }),
      withMetadata({ labels: { 'a/b/c': 'd' } }),
      withMetadata({ annotations: { a: 'x'.repeat(262_145) } }),
      configMap('a', { x: 'x'.repeat(1_048_577) }),
    ]
    for (const object of objects) {
      await refuses('Invalid', cluster.create(object))
      await refuses('Invalid', cluster.apply(object))
    }
  })

  check('stringData of a Secret is stored as data, and what one wrote is read', async (world) => {
    const { cluster, ns } = world
    const key = { apiVersion: 'v1', kind: 'Secret', namespace: ns, name: 'a' }
    const { subscription, told } = follow(cluster, { namespace: ns, name: 'a' }, 'Secret')
    await subscription.synced
    assert.equal(await cluster.get(key), undefined)
    const metadata = { namespace: ns, name: 'a' }
    const made = await cluster.create<KubeObject>({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      stringData: { password: 'p' },
    })
    assert.deepEqual([made['data'], made['type']], [{ password: 'cA==' }, 'Opaque'])
    assert.deepEqual(await cluster.get(key), made)
    await eventually('it is told', () => assert.deepEqual(told(), ['ADDED a']))
    subscription.stop()
  })
}

interface World {
  ns: string
  /** As the product, and as someone else. */
  cluster: Cluster
  user: Cluster
  configMap: (name: string, data?: Record<string, string>) => KubeObject
  keyOf: (object: KubeObject) => {
    apiVersion: string
    kind: string
    namespace: string
    name: string
  }
}

async function openWorld(t: TestContext, open: () => Promise<ClusterUnderTest>): Promise<World> {
  const under = await open()
  t.after(() => under.stop())
  const ns = await under.namespace()
  return {
    ns,
    cluster: under.as('logstash-link'),
    user: under.as('kubectl'),
    configMap: (name, data) => ({
      ...configMapKind,
      metadata: { namespace: ns, name },
      ...(data === undefined ? {} : { data }),
    }),
    keyOf: ({ apiVersion, kind, metadata }) => ({
      apiVersion,
      kind,
      namespace: ns,
      name: metadata.name,
    }),
  }
}

function follow(cluster: Cluster, where: Parameters<Cluster['watch']>[1], kind = 'ConfigMap') {
  const events: WatchEvent[] = []
  const subscription = cluster.watch({ apiVersion: 'v1', kind }, where, (event) =>
    events.push(event),
  )
  const told = () => events.map(({ type, object }) => `${type} ${object.metadata.name}`)
  return { events, told, subscription }
}

function expression(matchLabels: Record<string, string>, one: object): object {
  return { matchLabels, matchExpressions: [one] }
}

async function refuses(reason: ClusterErrorReason, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof ClusterError, String(error))
    assert.equal(error.reason, reason, error.message)
    return true
  })
}
