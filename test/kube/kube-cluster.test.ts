/** What is read from the stores of watches, what is shared, and what one's own writes change in them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeApiServer, status } from '../support/fake-api-server.ts'
import { configMap, configMapKind, openKube, secretKind, secrets, shop } from './world.ts'

const reduce = ({ metadata, ...object }: KubeObject): KubeObject => {
  const { name, namespace = '', resourceVersion = '' } = metadata
  return { ...object, metadata: { name, namespace, resourceVersion } }
}
const keyOf = (name: string) => ({ ...configMapKind, namespace: 'shop', name })
const other = '/api/v1/namespaces/other/configmaps'
const everywhere = '/api/v1/configmaps'

test('watches of one kind and scope share one list and one watch, and the last to leave ends it', async (t) => {
  const { server, follow } = await openKube(t)
  server.put(shop, configMap('a'))
  const first = follow()
  await first.synced
  const second = follow()
  await second.synced
  assert.deepEqual(second.told(), ['ADDED a'])
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  assert.equal(server.requests.length, 2)
  first.stop()
  server.put(shop, configMap('b'))
  await eventually('it is told', () => assert.deepEqual(second.told(), ['ADDED a', 'ADDED b']))
  assert.deepEqual(first.told(), ['ADDED a'])
  second.stop()
  await eventually('it is closed', () => assert.equal(server.watches.length, 0))
})

test('reads that an open watch covers cost no request, others are asked for', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  server.put(shop, {
    ...configMap('a'),
    metadata: { ...configMap('a').metadata, labels: { x: '1' } },
  })
  server.put(shop, configMap('b'))
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  const covered = server.requests.length
  const within = { namespace: 'shop' }
  assert.equal((await cluster.get(keyOf('a')))?.metadata.name, 'a')
  assert.equal(await cluster.get(keyOf('none')), undefined)
  assert.equal((await cluster.list(configMapKind, within)).length, 2)
  const selector = { matchLabels: { x: '1' } }
  assert.equal((await cluster.list(configMapKind, { ...within, selector })).length, 1)
  assert.equal(server.requests.length, covered)
  assert.equal(await cluster.get({ ...keyOf('a'), namespace: 'other' }), undefined)
  assert.deepEqual(await cluster.list(configMapKind), [])
  assert.deepEqual(
    server.requests.slice(covered).map(({ path }) => path),
    [`${other}/a`, everywhere],
  )
})

test('with a selector a hit is from the store, and a miss is asked for', async (t) => {
  const { server, cluster } = await openKube(t)
  const labels = { x: '1' }
  server.put(shop, { ...configMap('a'), metadata: { ...configMap('a').metadata, labels } })
  const where = { namespace: 'shop', selector: { matchLabels: labels } }
  const watch = cluster.watch(configMapKind, where, () => undefined)
  await watch.synced
  const before = server.requests.filter(({ query }) => !query.has('watch')).length
  assert.ok(await cluster.get(keyOf('a')))
  assert.equal((await cluster.list(configMapKind, where)).length, 1)
  await cluster.get(keyOf('none'))
  const paths = server.requests.filter(({ query }) => !query.has('watch')).slice(before)
  assert.deepEqual(
    paths.map(({ path }) => path),
    [`${shop}/none`],
  )
  assert.equal(server.requests[0]?.query.get('labelSelector'), 'x=1')
})

test('a watch with a field selector answers no list: what it leaves out may be asked for', async (t) => {
  const { server, cluster } = await openKube(t)
  server.put(shop, configMap('a'))
  const where = { namespace: 'shop', fieldSelector: 'metadata.name!=b' }
  const watch = cluster.watch(configMapKind, where, () => undefined)
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  const before = server.requests.length
  assert.equal((await cluster.list(configMapKind, { namespace: 'shop' })).length, 1)
  assert.equal(server.requests.length, before + 1)
})

test('only metadata is asked for where that is enough, managedFields are cut, and the rest is reduced', async (t) => {
  const { server, cluster } = await openKube(t)
  const metadata = { ...configMap('a').metadata, managedFields: [{}], annotations: { big: 'x' } }
  server.put(shop, { ...configMap('a', { x: '1' }), metadata })
  const where = { namespace: 'shop', metadataOnly: true, fieldSelector: 'a=b', reduce }
  const watch = cluster.watch(configMapKind, where, () => undefined)
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  assert.deepEqual(await cluster.get(keyOf('a')), {
    ...configMapKind,
    metadata: { namespace: 'shop', name: 'a', resourceVersion: '101' },
  })
  assert.deepEqual(
    server.requests.map(({ headers, query }) => [headers['accept'], query.get('fieldSelector')]),
    ['List', ''].map((ending) => [
      `application/json;as=PartialObjectMetadata${ending};g=meta.k8s.io;v=v1`,
      'a=b',
    ]),
  )
})

test("one's own writes are read and told at once, and the watch does not tell them again", async (t) => {
  const { server, cluster, follow } = await openKube(t)
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  const made = await cluster.create(configMap('a', { x: '1' }))
  assert.deepEqual(await cluster.get(keyOf('a')), made)
  await cluster.apply(configMap('a', { x: '2' }))
  assert.deepEqual((await cluster.get(keyOf('a')))?.['data'], { x: '2' })
  await cluster.delete(keyOf('a'))
  assert.equal(await cluster.get(keyOf('a')), undefined)
  server.put(shop, configMap('last'))
  await eventually('the watch is through', () => assert.ok(watch.told().includes('ADDED last')))
  assert.deepEqual(watch.told(), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED last'])
})

test('an object that another deleted does not come back with the answer to a write before', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  server.put(shop, configMap('a'))
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  server.intercept(async ({ method }) => {
    if (method !== 'PATCH') return undefined
    const written = server.put(shop, configMap('a', { x: '1' }))
    server.remove(shop, 'a')
    await eventually('the end is told', () => assert.equal(watch.told().at(-1), 'DELETED a'))
    return { status: 200, body: written }
  })
  await cluster.apply(configMap('a', { x: '1' }))
  assert.equal(await cluster.get(keyOf('a')), undefined)
  assert.deepEqual(watch.told(), ['ADDED a', 'MODIFIED a', 'DELETED a'])
})

test('a Secret is asked for by its name alone, at once, again when told to, and when written', async (t) => {
  const { server, cluster, follow } = await openKube(t, {
    cluster: { pollLimits: { firstMs: 60_000, lastMs: 60_000 } },
  })
  const key = { ...secretKind, namespace: 'shop', name: 'tls' }
  const where = { namespace: 'shop', name: 'tls' }
  const watch = follow(where, secretKind)
  await watch.synced
  assert.equal(await cluster.get(key), undefined)
  server.put(secrets, { ...secretKind, metadata: where })
  watch.refresh()
  await eventually('it is told', () => assert.deepEqual(watch.told(), ['ADDED tls']))
  await cluster.apply({ ...secretKind, metadata: where, data: { a: 'Yg==' } })
  assert.deepEqual((await cluster.get(key))?.['data'], { a: 'Yg==' })
  server.remove(secrets, 'tls')
  watch.refresh()
  await eventually('its end is told', () =>
    assert.deepEqual(watch.told(), ['ADDED tls', 'MODIFIED tls', 'DELETED tls']),
  )
  const paths = new Set(server.requests.map(({ path, method }) => `${method} ${path}`))
  assert.deepEqual([...paths], [`GET ${secrets}/tls`, `PATCH ${secrets}/tls`])
})

test('Secrets are watched by name alone', async (t) => {
  const { server, cluster } = await openKube(t)
  for (const where of [{}, { namespace: 'shop' }, { selector: { matchLabels: { x: '1' } } }]) {
    assert.throws(() => cluster.watch(secretKind, where, () => undefined), { reason: 'Invalid' })
  }
  assert.deepEqual(server.requests, [])
})

test('a kind that the cluster does not know has no objects until it does', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  let known = false
  server.intercept(() => (known ? undefined : { status: 404, body: 'page not found' }))
  const watch = follow()
  await watch.synced
  assert.deepEqual(await cluster.list(configMapKind, { namespace: 'shop' }), [])
  known = true
  server.put(shop, configMap('a'))
  await eventually('it is told', () => assert.deepEqual(watch.told(), ['ADDED a']))
})

test('a cluster is ready once its watches know what there is, and stays so when they are cut', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  server.intercept(() => ({ status: 500, body: status(500, 'InternalError', 'etcd is away') }))
  const watch = follow()
  const ready = () => cluster.checks.ready['cluster']?.() ?? { ok: false, message: '' }
  await eventually('the reason is told', () => assert.match(ready().message, /etcd is away/))
  assert.equal(ready().ok, false)
  server.intercept(() => undefined)
  await watch.synced
  await eventually('all is well', () => assert.deepEqual(ready(), { ok: true, message: 'ok' }))
  server.intercept(() => ({ status: 500 }))
  server.watches[0]?.cut()
  await eventually('the cut is told', () => assert.match(ready().message, /1 watches are cut/))
  assert.equal(ready().ok, true)
})

test('a token of an exec plugin is asked for again when the server does not take it, once', async (t) => {
  const server = await startFakeApiServer(t, { user: { exec: tokenProgram('first') } })
  const { client } = await openKube(t, { server })
  server.intercept(({ headers }) =>
    headers['authorization'] === 'Bearer first' && server.requests.length > 1
      ? { status: 401, body: status(401, 'Unauthorized', 'who?') }
      : undefined,
  )
  await client.request({ method: 'GET', path: shop })
  await assert.rejects(client.request({ method: 'GET', path: shop }), { reason: 'Unavailable' })
  const shown = server.requests.map(({ headers }) => headers['authorization'])
  assert.deepEqual(shown, ['Bearer first', 'Bearer first', 'Bearer first'])
})

function tokenProgram(token: string): object {
  const credential = { kind: 'ExecCredential', status: { token } }
  return { command: 'printf', args: ['%s', JSON.stringify(credential)] }
}

const refusals: [number, string, ClusterError['reason']][] = [
  [400, 'BadRequest', 'Invalid'],
  [403, 'Forbidden', 'Forbidden'],
  [404, 'NotFound', 'NotFound'],
  [409, 'AlreadyExists', 'AlreadyExists'],
  [409, 'Conflict', 'Conflict'],
  [413, 'RequestEntityTooLarge', 'Invalid'],
  [422, 'Invalid', 'Invalid'],
  [500, 'InternalError', 'Unavailable'],
  [503, 'ServiceUnavailable', 'Unavailable'],
  [504, 'Timeout', 'Unavailable'],
]
for (const [code, reason, expected] of refusals) {
  test(`${code} ${reason} is ${expected}, with the server's words`, async (t) => {
    const { server, cluster } = await openKube(t)
    server.intercept(() => ({ status: code, body: status(code, reason, 'its words') }))
    await assert.rejects(cluster.create(configMap('a')), (error) => {
      assert.ok(error instanceof ClusterError)
      assert.equal(error.reason, expected)
      assert.match(error.message, /its words/)
      return true
    })
  })
}
