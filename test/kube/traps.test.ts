/** Each trap that clients of Kubernetes fall into, as the server that sets it. */
import assert from 'node:assert/strict'
import { createServer, connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import { makeTestAuthority, testFolder } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import {
  kubeconfigText,
  startFakeApiServer,
  status,
  type Reply,
  type SeenRequest,
} from '../support/fake-api-server.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { configMap, configMapKind, openKube, shop } from './world.ts'

const isWatch = ({ query }: SeenRequest) => query.has('watch')
const isList = ({ path, query }: SeenRequest) => path === shop && !query.has('watch')

test('a quiet watch stays open for far longer than a request may take', async (t) => {
  const { server, follow } = await openKube(t, { client: { limits: { requestMs: 100 } } })
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  // The quiet itself is what is tested: ten times the limit of a request.
  await delay(1000)
  server.put(shop, configMap('late'))
  await eventually('the change is told', () => assert.deepEqual(watch.told(), ['ADDED late']))
  assert.equal(server.requests.filter(isWatch).length, 1)
})

test('five hundred requests, one after another, share their connections', async (t) => {
  const { server, client } = await openKube(t)
  for (let index = 0; index < 500; index++) await client.request({ method: 'GET', path: shop })
  assert.ok(server.connections() <= 2, `${server.connections()} connections`)
  assert.ok(client.sockets() <= 2)
})

const failures: [string, (first: boolean) => Reply | undefined][] = [
  ['500', () => ({ status: 500, body: status(500, 'InternalError', 'etcd is away') })],
  ['503 without more', () => ({ status: 503, body: 'no backend' })],
  ['401', () => ({ status: 401, body: status(401, 'Unauthorized', 'who?') })],
  ['403', () => ({ status: 403, body: status(403, 'Forbidden', 'no') })],
  ['a reset', () => 'reset'],
  ['no JSON', () => ({ status: 200, body: '<html>' })],
  ['410', () => ({ status: 410, body: status(410, 'Expired', 'too old') })],
]
for (const [name, reply] of failures) {
  for (const [what, concerned] of [
    ['list', isList],
    ['watch', isWatch],
  ] as const) {
    test(`${name} in answer to a ${what} ends no watch for good`, async (t) => {
      const { server, follow } = await openKube(t)
      server.put(shop, configMap('a'))
      let left = 3
      server.intercept((request) => {
        if (!concerned(request) || left === 0) return undefined
        left -= 1
        return reply(left === 2)
      })
      const watch = follow()
      await watch.synced
      await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
      server.put(shop, configMap('b'))
      await eventually('all is told', () => assert.deepEqual(watch.told(), ['ADDED a', 'ADDED b']))
      assert.equal(left, 0)
    })
  }
}

test('watches that a server cuts leave one warning each, a line without a stack', async (t) => {
  const { server, follow, lines } = await openKube(t)
  const watches = [follow(), follow({ namespace: 'other' })]
  await Promise.all(watches.map(({ synced }) => synced))
  await eventually('both are open', () => assert.equal(server.watches.length, 2))
  for (const watch of server.watches) watch.cut()
  const warnings = () => lines.filter(({ level }) => level === 'warn')
  await eventually('both are told', () => assert.equal(warnings().length, 2))
  for (const { kind, reason, err } of warnings()) {
    assert.deepEqual([kind, err], ['ConfigMap', undefined])
    assert.match(String(reason), /configmaps broke off/)
  }
})

test('a watch that is cut in the middle of an event goes on with that event', async (t) => {
  const { server, follow } = await openKube(t)
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  const cut = server.watches[0]
  cut?.write('{"type":"ADDED","object":{"metadata":{"name":"half"')
  cut?.cut()
  server.put(shop, configMap('whole'))
  await eventually('it is told', () => assert.deepEqual(watch.told(), ['ADDED whole']))
  assert.equal(server.requests.filter(isList).length, 1)
})

test('a watch that is cut again and again misses nothing and tells nothing twice', async (t) => {
  const { server, follow, names, metric } = await openKube(t)
  const watch = follow()
  await watch.synced
  const expected = Array.from({ length: 20 }, (_, index) => `c${String(index).padStart(2, '0')}`)
  for (const name of expected) {
    await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
    server.watches[0]?.cut()
    server.put(shop, configMap(name))
  }
  const wanted = expected.map((name) => `ADDED ${name}`)
  await eventually('all are told', () => assert.deepEqual(watch.told(), wanted))
  assert.deepEqual(await names(), expected)
  assert.equal(await metric('logstash_link_kube_relists_total'), 1)
})

const garbage: [string, string][] = [
  ['no JSON', 'garbage\n'],
  ['an ERROR that is no 410', '{"type":"ERROR","object":{"kind":"Status","code":500}}\n'],
  ['an ERROR with 410', '{"type":"ERROR","object":{"kind":"Status","code":410}}\n'],
  ['an event of no type', '{"type":"FOO","object":{"metadata":{"resourceVersion":"1"}}}\n'],
  ['an event without an object', '{"type":"ADDED"}\n'],
  ['null', 'null\n'],
]
for (const [name, line] of garbage) {
  test(`a watch that tells ${name} is followed by a new list`, async (t) => {
    const { server, follow } = await openKube(t)
    server.put(shop, configMap('a'))
    server.put(shop, configMap('gone'))
    const watch = follow()
    await watch.synced
    await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
    server.put(shop, configMap('untold'), { told: false })
    server.remove(shop, 'gone', { told: false })
    server.watches[0]?.write(line)
    await eventually('the differences are told', () =>
      assert.deepEqual(watch.told().toSorted(), [
        'ADDED a',
        'ADDED gone',
        'ADDED untold',
        'DELETED gone',
      ]),
    )
  })
}

test('a version that is compacted away (410) is followed by a new list at once', async (t) => {
  const { server, follow, metric } = await openKube(t, {
    cluster: { limits: { firstWaitMs: 10, lastWaitMs: 60_000 } },
  })
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  server.put(shop, configMap('untold'), { told: false })
  server.compact()
  server.watches[0]?.end()
  await eventually('it is told', () => assert.deepEqual(watch.told(), ['ADDED untold']))
  assert.equal(await metric('logstash_link_kube_relists_total', { reason: 'expired' }), 1)
})

test('a handler that throws ends neither the process nor the watch, and the next handler is told', async (t) => {
  const { server, cluster, follow, lines, metric } = await openKube(t)
  cluster.watch(configMapKind, { namespace: 'shop' }, () => {
    throw new Error('a bug')
  })
  const watch = follow()
  await watch.synced
  server.put(shop, configMap('a'))
  await eventually('it is told', () => assert.deepEqual(watch.told(), ['ADDED a']))
  assert.ok(lines.some(({ msg }) => msg === 'A handler of watch events failed'))
  assert.equal(await metric('logstash_link_kube_handler_failures_total'), 1)
})

test('a watch that is stopped while it waits asks for nothing any more', async (t) => {
  const clock = fakeClock()
  const { server, follow } = await openKube(t, { cluster: { clock } })
  server.intercept(() => ({ status: 500 }))
  const watch = follow()
  await eventually('it waits', () => assert.equal(clock.pending(), 1))
  watch.stop()
  const before = server.requests.length
  clock.advance(60_000)
  await delay(50)
  assert.equal(server.requests.length, before)
  assert.equal(clock.pending(), 0)
})

test('a list of many pages is kept whole', async (t) => {
  const { server, follow, names } = await openKube(t)
  for (let index = 0; index < 1203; index++) server.put(shop, configMap(`c${index}`))
  const watch = follow()
  await watch.synced
  assert.equal(watch.events.length, 1203)
  assert.equal((await names()).length, 1203)
  assert.equal(server.requests.filter(isList).length, 3)
})

test('a page that has expired (410) begins the list anew', async (t) => {
  const { server, follow, names } = await openKube(t)
  for (let index = 0; index < 700; index++) server.put(shop, configMap(`c${index}`))
  let compacted = false
  server.intercept(({ query }) => {
    if (!query.has('continue') || compacted) return undefined
    compacted = true
    server.remove(shop, 'c0')
    server.compact()
    return undefined
  })
  const watch = follow()
  await watch.synced
  assert.equal((await names()).length, 699)
  assert.equal(server.requests.filter(isList).length, 4)
  assert.ok(watch.told().includes('DELETED c0'))
})

test('a connection that is half open is taken for dead when not even a bookmark comes', async (t) => {
  const { server, follow } = await openKube(t, {
    cluster: { limits: { silenceMs: 300, firstWaitMs: 10 } },
  })
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  for (let index = 0; index < 10; index++) {
    await delay(60)
    server.watches[0]?.bookmark()
  }
  assert.equal(server.requests.filter(isWatch).length, 1)
  await eventually('another was opened', () =>
    assert.ok(server.requests.filter(isWatch).length > 1),
  )
  const { query } = server.requests.findLast(isWatch) ?? {}
  assert.equal(query?.get('allowWatchBookmarks'), 'true')
})

test('a half-open HTTP/2 connection is cut, and its watches and later requests go by another', async (t) => {
  const authority = await makeTestAuthority()
  const server = await startFakeApiServer(t, { authority })
  const links: Socket[] = []
  const proxy = createServer((near) => {
    const far = connect(server.port, '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
    links.push(near, far)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    for (const socket of links) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo
  const text = kubeconfigText(port, authority.caPem, {})
  const kubeconfig = testFolder(t).write('kubeconfig', text)
  const { client, follow } = await openKube(t, {
    server: { ...server, kubeconfig },
    client: { limits: { pingMs: 100, deadMs: 400, requestMs: 5000 } },
  })
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  assert.equal(client.sockets(), 1)
  // Both ends stay open, and nothing passes any more.
  for (const socket of links) socket.unpipe()
  for (const socket of links) socket.pause()
  server.put(shop, configMap('a'))
  await eventually('the change is told', () => assert.deepEqual(watch.told(), ['ADDED a']))
  assert.equal(client.sockets(), 1)
})

test('apply is a server-side apply in JSON with force, and sends nothing that the server sets', async (t) => {
  const { server, cluster } = await openKube(t)
  const made = await cluster.apply({
    ...configMap('a', { x: '1' }),
    metadata: {
      ...configMap('a').metadata,
      uid: 'u',
      creationTimestamp: '2026-11-22T10:00:00Z',
      managedFields: [],
    } as KubeObject['metadata'],
    status: { x: 1 },
  })
  assert.equal(made.metadata.resourceVersion, '101')
  const [sent] = server.requests
  assert.equal(sent?.method, 'PATCH')
  assert.equal(sent.headers['content-type'], 'application/apply-patch+yaml')
  assert.equal(String(sent.query), 'fieldManager=logstash-link&force=true')
  assert.deepEqual(JSON.parse(sent.body), {
    ...configMap('a', { x: '1' }),
    metadata: { name: 'a', namespace: 'shop', uid: 'u' },
  })
})

test('a field that the server does not know is refused, not dropped in silence', async (t) => {
  const { server, cluster } = await openKube(t)
  await cluster.create(configMap('a'))
  const [sent] = server.requests
  assert.equal(String(sent?.query), 'fieldManager=logstash-link&fieldValidation=Strict')
  const message =
    'failed to create typed patch object (shop/a; /v1, Kind=ConfigMap): .x: field not declared in schema'
  server.intercept(() => ({ status: 500, body: status(500, 'InternalError', message) }))
  await assert.rejects(cluster.apply(configMap('a')), { reason: 'Invalid' })
})

test('fields that nobody knows and times pass as they are', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  const time = '2026-11-22T10:00:00.123456Z'
  const stored = { ...configMap('a'), unknown: { field: 1 }, time }
  const watch = follow()
  await watch.synced
  server.put(shop, stored)
  await eventually('it is told', () => assert.equal(watch.events.length, 1))
  const live = await cluster.get({ ...configMapKind, namespace: 'shop', name: 'a' })
  for (const object of [live, watch.events[0]?.object]) {
    assert.deepEqual(object?.['unknown'], { field: 1 })
    assert.equal(object['time'], time)
  }
})

test('429 is waited for as Retry-After says, for requests and for watches', async (t) => {
  const { server, cluster, follow } = await openKube(t)
  const refused = new Set<string>()
  server.intercept(({ method, query }) => {
    const key = `${method} ${query.has('watch')}`
    if (refused.has(key)) return undefined
    refused.add(key)
    return { status: 429, headers: { 'retry-after': '1' } }
  })
  await cluster.create(configMap('a'))
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  assert.deepEqual([...refused], ['POST false', 'GET false', 'GET true'])
})

test('a server that asks to wait for ever is Unavailable in the end', async (t) => {
  const { server, client } = await openKube(t)
  server.intercept(() => ({ status: 503, headers: { 'retry-after': '3600' }, body: 'overload' }))
  await assert.rejects(client.request({ method: 'GET', path: shop }), (error) => {
    assert.ok(error instanceof ClusterError)
    assert.equal(error.reason, 'Unavailable')
    assert.match(error.message, /^GET .* was refused with 503: overload$/)
    return true
  })
  assert.equal(server.requests.length, 4)
})

test('a request without an answer is Unavailable when its time is over, and its connection is not used again', async (t) => {
  const { server, client } = await openKube(t, { client: { limits: { requestMs: 200 } } })
  server.intercept(() => (server.requests.length === 1 ? 'hang' : undefined))
  await assert.rejects(client.request({ method: 'GET', path: shop }), /no answer within 200 ms/)
  await client.request({ method: 'GET', path: shop })
  assert.equal(server.connections(), 2)
})

test('what a watch missed is found by the next periodic list, told and counted', async (t) => {
  const { server, follow, metric, lines } = await openKube(t, {
    cluster: { limits: { relistMs: 600, firstWaitMs: 10 } },
  })
  server.put(shop, configMap('a'))
  const watch = follow()
  await watch.synced
  await eventually('a watch is open', () => assert.equal(server.watches.length, 1))
  server.put(shop, configMap('untold'), { told: false })
  server.watches[0]?.bookmark()
  const { query } = server.requests.findLast(isWatch) ?? {}
  assert.equal(query?.get('timeoutSeconds'), '1')
  await eventually('the time of the next list is there', async () => {
    server.watches[0]?.end()
    assert.equal(await metric('logstash_link_kube_missed_changes_total'), 1)
  })
  assert.deepEqual(watch.told(), ['ADDED a', 'ADDED untold'])
  assert.ok(lines.some(({ msg }) => msg === 'A watch had missed changes'))
})

test('a client apart has connections of its own, and its end cuts none of the others', async (t) => {
  const { server, client } = await openKube(t)
  const path = shop
  await client.request({ method: 'GET', path })
  const shared = client.sockets()
  const apart = client.apart()
  await apart.request({ method: 'GET', path })
  assert.equal(client.sockets(), shared + 1)
  await apart.close()
  assert.equal(client.sockets(), shared)
  const asked = server.requests.length
  await client.request({ method: 'GET', path })
  assert.equal(server.requests.length, asked + 1)
})
