import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubeObject } from '../../../src/api/objects.ts'
import { ClusterError } from '../../../src/kube/cluster.ts'
import type { ClusterErrorReason, WatchEvent } from '../../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../../src/local/cluster/in-memory-cluster.ts'

const now = () => new Date('2026-11-22T10:00:00.123Z')
const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' }

test('a created object gets uid, version and creation time, and a second of its name is refused', async () => {
  const cluster = createInMemoryCluster({ now })
  const made = await cluster.create(configMap('a', { x: '1' }))
  assert.match(made.metadata.uid ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(made.metadata.creationTimestamp, '2026-11-22T10:00:00Z')
  assert.ok(Number(made.metadata.resourceVersion) > 0)
  assert.deepEqual(await cluster.get({ ...configMapKind, namespace: 'shop', name: 'a' }), made)
  await refuses('AlreadyExists', cluster.create(configMap('a')))
})

test('generateName makes a name', async () => {
  const cluster = createInMemoryCluster({ now })
  const { name: _, ...metadata } = configMap('').metadata
  const object = { ...configMapKind, metadata: { ...metadata, generateName: 'web-' } }
  const made = await cluster.create(object as unknown as KubeObject)
  assert.match(made.metadata.name, /^web-[0-9a-f]{5}$/)
})

test('what is handed out cannot be changed, and later changes to what was handed in do not reach the cluster', async () => {
  const cluster = createInMemoryCluster({ now })
  const given = configMap('a', { x: '1' })
  const made = await cluster.create(given)
  Object.assign(given['data'] as object, { x: '2' })
  assert.throws(() => Object.assign(made.metadata, { name: 'b' }), TypeError)
  assert.deepEqual((await cluster.get(keyOf(made)))?.['data'], { x: '1' })
})

test('the generation follows the spec, not metadata nor status, and core kinds have none', async () => {
  const cluster = createInMemoryCluster({ now })
  const steps: [KubeObject, number][] = [
    [certificate({ secretName: 'a' }), 1],
    [certificate({ secretName: 'a' }, { labels: { x: '1' } }), 1],
    [certificate({ secretName: 'b' }, { labels: { x: '1' } }), 2],
  ]
  for (const [object, generation] of steps) {
    assert.equal((await cluster.apply(object)).metadata.generation, generation)
  }
  const withStatus = { ...certificate({}), status: { revision: 1 } }
  assert.equal((await cluster.applyStatus(withStatus)).metadata.generation, 2)
  assert.equal((await cluster.apply(configMap('a'))).metadata.generation, undefined)
})

test('apply removes what its manager no longer names, and keeps what another manager owns', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.apply(configMap('a', { ours: '1', shared: '1' }))
  await cluster.as('kubectl').apply(configMap('a', { theirs: '2', shared: '1' }))
  const after = await cluster.apply(configMap('a', { other: '3' }))
  assert.deepEqual(after['data'], { other: '3', theirs: '2', shared: '1' })
  const last = await cluster.as('kubectl').apply(configMap('a', {}))
  assert.deepEqual(last['data'], { other: '3' })
})

test('a forced apply takes a field over, so that its former manager no longer removes it', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.as('kubectl').apply(configMap('a', { x: 'theirs' }))
  assert.deepEqual((await cluster.apply(configMap('a', { x: 'ours' })))['data'], { x: 'ours' })
  assert.deepEqual((await cluster.as('kubectl').apply(configMap('a')))['data'], { x: 'ours' })
})

test('what a POST wrote is not removed by a later apply of the same manager', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.create(configMap('a', { x: '1' }))
  assert.deepEqual((await cluster.apply(configMap('a', { y: '2' })))['data'], { x: '1', y: '2' })
})

test('lists are merged by their keys where Kubernetes keys them', async () => {
  const cluster = createInMemoryCluster({ now })
  const user = cluster.as('kubectl')
  await user.apply(
    deployment([{ name: 'web', image: 'a', env: [{ name: 'A', value: '1' }] }], [{ name: 'v' }]),
  )
  const merged = await cluster.apply(
    deployment([{ name: 'web', env: [{ name: 'B', value: '2' }] }, { name: 'side' }], []),
  )
  assert.deepEqual(merged['spec'], {
    template: {
      spec: {
        containers: [
          {
            name: 'web',
            image: 'a',
            env: [
              { name: 'A', value: '1' },
              { name: 'B', value: '2' },
            ],
          },
          { name: 'side' },
        ],
        volumes: [{ name: 'v' }],
      },
    },
  })
  const back = await cluster.apply(deployment([], []))
  assert.deepEqual(back['spec'], {
    template: {
      spec: {
        containers: [{ name: 'web', image: 'a', env: [{ name: 'A', value: '1' }] }],
        volumes: [{ name: 'v' }],
      },
    },
  })
})

test('lists that Kubernetes does not key are replaced, and so is a selector', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.as('kubectl').apply(certificate({ dnsNames: ['a', 'b'] }))
  const certificateAfter = await cluster.apply(certificate({ dnsNames: ['c'] }))
  assert.deepEqual(certificateAfter['spec'], { dnsNames: ['c'] })
  await cluster.as('kubectl').apply(service({ selector: { a: '1' } }))
  const after = await cluster.apply(service({ selector: { b: '2' } }))
  assert.deepEqual((after['spec'] as { selector: unknown }).selector, { b: '2' })
})

test('a Service gets the defaults of the API server, and an apply of the same again writes nothing', async () => {
  const cluster = createInMemoryCluster({ now })
  const wanted = service({ clusterIP: 'None', ports: [{ name: 'lsl', port: 9800 }] })
  const first = await cluster.apply(wanted)
  assert.deepEqual((first['spec'] as { ports: unknown }).ports, [
    { name: 'lsl', port: 9800, protocol: 'TCP', targetPort: 9800 },
  ])
  const second = await cluster.apply(wanted)
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
})

test('apply drops the status, applyStatus drops the rest, and conditions are merged by type', async () => {
  const cluster = createInMemoryCluster({ now })
  const ready = { type: 'Ready', status: 'True' }
  const given: KubeObject = { ...certificate({ a: 1 }), status: { conditions: [ready] } }
  const made = await cluster.apply(given)
  assert.equal(made['status'], undefined)
  const issuing = { type: 'Issuing', status: 'False' }
  await cluster.as('other').applyStatus({ ...certificate({}), status: { conditions: [issuing] } })
  const next: KubeObject = {
    ...certificate({ a: 2 }, { labels: { x: '1' } }),
    status: { conditions: [ready] },
  }
  const after = await cluster.applyStatus(next)
  assert.deepEqual(after['spec'], { a: 1 })
  assert.equal(after.metadata.labels, undefined)
  assert.deepEqual(after['status'], { conditions: [issuing, ready] })
})

test('applyStatus of an object that is not there is NotFound', async () => {
  const cluster = createInMemoryCluster({ now })
  await refuses('NotFound', cluster.applyStatus({ ...certificate({}), status: {} }))
})

test('a foreign uid or an old version is a Conflict and changes nothing', async () => {
  const cluster = createInMemoryCluster({ now })
  const made = await cluster.apply(configMap('a', { x: '1' }))
  const withMeta = (metadata: object) => ({
    ...configMap('a', { x: '2' }),
    metadata: { ...configMap('a').metadata, ...metadata },
  })
  await refuses('Conflict', cluster.apply(withMeta({ uid: 'other' })))
  await refuses('Conflict', cluster.apply(withMeta({ resourceVersion: '0' })))
  await refuses('Conflict', cluster.applyStatus(withMeta({ uid: 'other' })))
  await refuses('Conflict', cluster.delete(keyOf(made), { uid: 'other' }))
  assert.deepEqual(await cluster.get(keyOf(made)), made)
  await cluster.apply(withMeta({ uid: made.metadata.uid }))
  await cluster.delete(keyOf(made), { uid: made.metadata.uid ?? '' })
  await refuses('Conflict', cluster.apply(withMeta({ uid: made.metadata.uid })))
  await cluster.delete(keyOf(made))
})

test('an object goes when its last owner is gone, later than the answer, and its own dependents follow', async () => {
  const cluster = createInMemoryCluster({ now })
  const root = await cluster.create(configMap('root'))
  const middle = await cluster.create(owned('middle', root))
  const leaf = await cluster.create(owned('leaf', middle))
  await cluster.delete(keyOf(root))
  assert.ok(await cluster.get(keyOf(middle)))
  await cluster.settled()
  assert.equal(await cluster.get(keyOf(middle)), undefined)
  assert.equal(await cluster.get(keyOf(leaf)), undefined)
})

test('an object with another owner stays and sheds the reference to the one that is gone', async () => {
  const cluster = createInMemoryCluster({ now })
  const [one, two] = [
    await cluster.create(configMap('one')),
    await cluster.create(configMap('two')),
  ]
  const child = await cluster.create(owned('child', one, two))
  await cluster.delete(keyOf(one))
  await cluster.settled()
  const after = await cluster.get(keyOf(child))
  assert.deepEqual(
    after?.metadata.ownerReferences?.map((owner) => owner.name),
    ['two'],
  )
})

test('an object whose owner never was, or is in another namespace, is collected', async () => {
  const cluster = createInMemoryCluster({ now })
  const elsewhere = await cluster.create({
    ...configMapKind,
    metadata: { namespace: 'other', name: 'owner' },
  })
  const child = await cluster.create(owned('child', elsewhere))
  await cluster.settled()
  assert.equal(await cluster.get(keyOf(child)), undefined)
})

test('a finalizer holds a deleted object until its manager takes it off', async () => {
  const cluster = createInMemoryCluster({ now })
  const finalizer = ['example.com/hold']
  const held = {
    ...configMap('a'),
    metadata: { ...configMap('a').metadata, finalizers: finalizer },
  }
  const made = await cluster.apply(held)
  await cluster.delete(keyOf(made))
  const terminating = await cluster.get(keyOf(made))
  assert.equal(terminating?.metadata.deletionTimestamp, '2026-11-22T10:00:00Z')
  await cluster.apply(configMap('a'))
  assert.equal(await cluster.get(keyOf(made)), undefined)
})

test('a watch starts with what exists, then tells each change in order, never inside the write', async () => {
  const cluster = createInMemoryCluster({ now })
  await cluster.create(configMap('a', { x: '1' }))
  const events: WatchEvent[] = []
  const watch = cluster.watch(configMapKind, { namespace: 'shop' }, (event) => events.push(event))
  assert.deepEqual(summary(events), [])
  await watch.synced
  assert.deepEqual(summary(events), ['ADDED a'])
  await cluster.apply(configMap('a', { y: '2' }))
  await cluster.create(configMap('b'))
  await cluster.create({ ...configMapKind, metadata: { namespace: 'other', name: 'c' } })
  await cluster.delete({ ...configMapKind, namespace: 'shop', name: 'a' })
  assert.deepEqual(summary(events), ['ADDED a'])
  await cluster.settled()
  assert.deepEqual(summary(events), ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a'])
  watch.stop()
  await cluster.create(configMap('d'))
  await cluster.settled()
  assert.equal(events.length, 4)
})

test('an object that leaves the selector of a watch is DELETED to it, in the state that the watch knew', async () => {
  const cluster = createInMemoryCluster({ now })
  const events: WatchEvent[] = []
  const selector = { matchLabels: { app: 'web' } }
  cluster.watch(configMapKind, { selector }, (event) => events.push(event))
  for (const app of ['other', 'web', 'other', 'web']) await cluster.apply(labelled(app))
  await cluster.settled()
  assert.deepEqual(summary(events), ['ADDED a', 'DELETED a', 'ADDED a'])
  assert.deepEqual(events[1]?.object.metadata.labels, { app: 'web' })
})

const selectors: [string, object, string[]][] = [
  ['equality', { matchLabels: { app: 'web' } }, ['a', 'b']],
  ['In', { matchExpressions: [{ key: 'tier', operator: 'In', values: ['x', 'y'] }] }, ['a']],
  ['NotIn', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['x'] }] }, ['b', 'c']],
  ['Exists', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, ['a']],
  ['DoesNotExist', { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, ['b', 'c']],
  ['the empty selector', {}, ['a', 'b', 'c']],
  ['an unknown operator', { matchExpressions: [{ key: 'app', operator: 'Gt' }] }, []],
]
for (const [name, selector, expected] of selectors) {
  test(`list selects by ${name}`, async () => {
    const cluster = createInMemoryCluster({ now })
    const sets: Record<string, Record<string, string>> = {
      c: {},
      b: { app: 'web' },
      a: { app: 'web', tier: 'x' },
    }
    for (const [object, labels] of Object.entries(sets)) {
      await cluster.create({
        ...configMapKind,
        metadata: { namespace: 'shop', name: object, labels },
      })
    }
    const found = await cluster.list(configMapKind, { selector })
    assert.deepEqual(
      found.map(({ metadata }) => metadata.name),
      expected,
    )
  })
}

const invalid: [string, KubeObject][] = [
  ['a name with capitals', configMap('Web')],
  ['a name of 254 characters', configMap('a'.repeat(254))],
  ['a missing name', configMap('')],
  ['a missing namespace', { ...configMapKind, metadata: { name: 'a' } }],
  [
    'a namespace on a Node',
    { apiVersion: 'v1', kind: 'Node', metadata: { namespace: 'a', name: 'a' } },
  ],
  ['a label value with a space', withMetadata({ labels: { a: 'b c' } })],
  ['a label key with two slashes', withMetadata({ labels: { 'a/b/c': 'd' } })],
  ['an annotation that is no string', withMetadata({ annotations: { a: 1 } })],
  ['annotations over 256 KiB', withMetadata({ annotations: { a: 'x'.repeat(262_145) } })],
  ['an owner without a uid', withMetadata({ ownerReferences: [{ kind: 'A' }] })],
  ['data over 1 MiB', configMap('a', { x: 'x'.repeat(1_048_577) })],
  ['data that is no string', configMap('a', { x: 1 as unknown as string })],
  [
    'a Service whose name begins with a digit',
    { ...service({}), metadata: { namespace: 'a', name: '1a' } },
  ],
]
for (const [name, object] of invalid) {
  test(`${name} is refused as Invalid`, async () => {
    const cluster = createInMemoryCluster({ now })
    await refuses('Invalid', cluster.create(object))
    await refuses('Invalid', cluster.apply(object))
  })
}

test('an applied list with two items of one key is refused', async () => {
  const cluster = createInMemoryCluster({ now })
  const ports = [{ port: 80 }, { port: 80, protocol: 'TCP' }]
  await refuses('Invalid', cluster.apply(service({ ports })))
})

test('a validator refuses with all its sentences, and its defaults are stored without an owner', async () => {
  const cluster = createInMemoryCluster({
    now,
    validate: {
      Certificate: (object) => {
        const spec = object['spec'] as { secretName?: string; duration?: string }
        if (spec.secretName === undefined) return { problems: ['one', 'two'] }
        return { object: { ...object, spec: { duration: '2160h', ...spec } } }
      },
    },
  })
  await assert.rejects(cluster.apply(certificate({})), /Certificate "cert" is invalid: one; two$/)
  const first = await cluster.apply(certificate({ secretName: 'a', duration: '1h' }))
  assert.deepEqual(first['spec'], { secretName: 'a', duration: '1h' })
  const second = await cluster.apply(certificate({ secretName: 'a' }))
  assert.deepEqual(second['spec'], { secretName: 'a', duration: '2160h' })
  const third = await cluster.apply(certificate({ secretName: 'a' }))
  assert.equal(third.metadata.resourceVersion, second.metadata.resourceVersion)
})

test('a map that nobody names any more goes with the defaults in it', async () => {
  const cluster = createInMemoryCluster({
    now,
    validate: {
      Certificate: (object) => {
        const spec = object['spec'] as { privateKey?: object }
        const privateKey = spec.privateKey && { size: 2048, ...spec.privateKey }
        return { object: { ...object, spec: { ...spec, ...(privateKey && { privateKey }) } } }
      },
    },
  })
  await cluster.apply(certificate({ secretName: 'a', privateKey: { algorithm: 'RSA' } }))
  const after = await cluster.apply(certificate({ secretName: 'a' }))
  assert.deepEqual(after['spec'], { secretName: 'a' })
})

test('of events only the newest thousand are kept', async () => {
  const cluster = createInMemoryCluster({ now })
  for (let index = 0; index < 1010; index++) {
    const metadata = { namespace: 'shop', name: `e${index}` }
    await cluster.create({ apiVersion: 'v1', kind: 'Event', metadata })
  }
  const names = (await cluster.list({ apiVersion: 'v1', kind: 'Event' })).map(
    ({ metadata }) => metadata.name,
  )
  assert.equal(names.length, 1000)
  assert.ok(!names.includes('e9') && names.includes('e10') && names.includes('e1009'))
})

test('admission changes pods when they are made, and only then', async () => {
  let asked = 0
  const cluster = createInMemoryCluster({
    now,
    admit: async (pod) => {
      asked += 1
      await Promise.resolve()
      const spec = pod['spec'] as { containers: unknown[] }
      return { ...pod, spec: { ...spec, initContainers: [{ name: 'first' }] } }
    },
  })
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { containers: [{ name: 'web' }] },
  }
  const made = await cluster.apply(pod)
  assert.deepEqual((made['spec'] as { initContainers: unknown }).initContainers, [
    { name: 'first' },
  ])
  const again = await cluster.apply(pod)
  assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion)
  assert.equal(asked, 1)
  await refuses('Invalid', cluster.apply({ ...pod, spec: { containers: [{ name: 'other' }] } }))
})

test('stringData of a Secret is stored as data', async () => {
  const cluster = createInMemoryCluster({ now })
  const given: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'shop', name: 'a' },
    stringData: { password: 'p' },
  }
  const made = await cluster.create(given)
  assert.deepEqual(made['data'], { password: 'cA==' })
  assert.equal(made['stringData'], undefined)
  assert.equal(made['type'], 'Opaque')
})

function configMap(name: string, data?: Record<string, string>): KubeObject {
  return { ...configMapKind, metadata: { namespace: 'shop', name }, ...(data ? { data } : {}) }
}

function withMetadata(metadata: object): KubeObject {
  return { ...configMapKind, metadata: { namespace: 'shop', name: 'a', ...metadata } }
}

function certificate(spec: object, metadata: object = {}): KubeObject {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { namespace: 'shop', name: 'cert', ...metadata },
    spec,
  }
}

function service(spec: object): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'shop', name: 'svc' }, spec }
}

function owned(name: string, ...owners: KubeObject[]): KubeObject {
  const ownerReferences = owners.map(({ apiVersion, kind, metadata }) => ({
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
  }))
  return { ...configMapKind, metadata: { namespace: 'shop', name, ownerReferences } }
}

function keyOf({ apiVersion, kind, metadata }: KubeObject) {
  return { apiVersion, kind, namespace: metadata.namespace ?? '', name: metadata.name }
}

function summary(events: WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`)
}

async function refuses(reason: ClusterErrorReason, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => error instanceof ClusterError && error.reason === reason)
}

function labelled(app: string): KubeObject {
  return { ...configMap('a'), metadata: { ...configMap('a').metadata, labels: { app } } }
}

function deployment(containers: unknown[], volumes: unknown[]): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'shop', name: 'web' },
    spec: { template: { spec: { containers, volumes } } },
  }
}
