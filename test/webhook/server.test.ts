import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { Registry } from 'prom-client'
import { Agent, request } from 'undici'
import type { LogstashLink } from '../../src/api/link.ts'
import type { JsonPatchOperation } from '../../src/injector/json-patch.ts'
import { leafOf, type Leaf } from '../../src/webhook/leaf.ts'
import { createListeners } from '../../src/webhook/listeners.ts'
import { startWebhookServer } from '../../src/webhook/server.ts'
import { applyPatch } from '../injector/json-patch-apply.ts'
import { makeTestAuthority, type TestAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { capturedLog, type LogLine } from '../support/log.ts'
import { tlsSecret } from './world.ts'

interface Reviewed {
  uid: string
  allowed: boolean
  patchType?: string
  patch?: string
  warnings?: string[]
}

interface Door {
  authority: TestAuthority
  port: number
  registry: Registry
  lines: LogLine[]
  /** Another leaf of the same authority. */
  renew: () => Promise<void>
  post: (body: string | object) => Promise<{ status: number; body: { response: Reviewed } }>
  /** Asks for a pod's creation, as the API server does. */
  review: (pod: object, more?: object) => Promise<Reviewed>
  close: () => Promise<void>
}

const podOf = (metadata: object = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'web-', labels: { app: 'web' }, ...metadata },
  spec: { containers: [{ name: 'app', image: 'app' }], ...spec },
})

const reviewOf = (object: unknown, more: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: randomUUID(),
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'shop',
    operation: 'CREATE',
    object,
    dryRun: false,
    ...more,
  },
})

async function openDoor(
  t: TestContext,
  {
    links = [linkOf()],
    isSynced = true,
    served = true,
    port = 0,
  }: { links?: LogstashLink[]; isSynced?: boolean; served?: boolean; port?: number } = {},
): Promise<Door> {
  const authority = await makeTestAuthority()
  const listeners = createListeners()
  let current: Leaf | undefined
  const renew = async () => {
    const { certPem, keyPem } = await authority.leaf()
    current = leafOf(tlsSecret({ certPem, keyPem, caPem: authority.caPem }), Date.now())
    listeners.tell()
  }
  if (served) await renew()
  const { log, lines } = capturedLog()
  const registry = new Registry()
  const server = await startWebhookServer({
    host: '127.0.0.1',
    port,
    identity: {
      get current() {
        return current
      },
      onChange: listeners.add,
    },
    links: {
      isSynced: () => isSynced,
      inNamespace: (namespace) => links.filter(({ metadata }) => metadata.namespace === namespace),
    },
    options: operatorOptions,
    log,
    registry,
  })
  const agent = new Agent({ connect: { ca: authority.caPem, servername: 'localhost' } })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= agent.close().then(() => server.close()))
  t.after(close)
  const post: Door['post'] = async (body) => {
    const answer = await request(`https://localhost:${server.port}/inject?timeout=5s`, {
      method: 'POST',
      dispatcher: agent,
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.statusCode, body: (await answer.body.json()) as never }
  }
  return {
    authority,
    port: server.port,
    registry,
    lines,
    renew,
    post,
    async review(pod, more) {
      const { status, body } = await post(reviewOf(pod, more))
      assert.equal(status, 200)
      return body.response
    },
    close,
  }
}

function patched(pod: object, { patch, patchType }: Reviewed): ReturnType<typeof podOf> {
  assert.equal(patchType, 'JSONPatch')
  const operations = JSON.parse(Buffer.from(patch ?? '', 'base64').toString())
  return applyPatch(pod as ReturnType<typeof podOf>, operations as JsonPatchOperation[])
}

function sidecars(pod: object): string[] {
  const { initContainers = [] } = (pod as { spec: { initContainers?: { name: string }[] } }).spec
  return initContainers.map(({ name }) => name)
}

test('a pod without name and namespace comes back with the sidecar of the link of its namespace', async (t) => {
  const { review } = await openDoor(t)
  const pod = podOf()
  const response = await review(pod)
  assert.equal(response.allowed, true)
  assert.equal(response.warnings, undefined)
  assert.deepEqual(sidecars(patched(pod, response)), ['lsl-sender-orders'])
  const elsewhere = await review(pod, { namespace: 'bank' })
  assert.deepEqual([elsewhere.allowed, elsewhere.patch], [true, undefined])
})

test('the answer bears the uid of the request, and a dry run is answered like any other', async (t) => {
  const { review } = await openDoor(t)
  const { uid, patch } = await review(podOf(), { uid: 'some-uid', dryRun: true })
  assert.equal(uid, 'some-uid')
  assert.ok(patch)
})

test('a pod that was injected already is left alone', async (t) => {
  const { review } = await openDoor(t)
  const pod = podOf()
  const again = await review(patched(pod, await review(pod)))
  assert.deepEqual([again.allowed, again.patch], [true, undefined])
})

test('who creates a pod that is left out is told why', async (t) => {
  const { review } = await openDoor(t)
  const { allowed, warnings } = await review(podOf({}, { hostNetwork: true }))
  assert.equal(allowed, true)
  assert.equal(warnings?.length, 1)
  assert.match(warnings?.[0] ?? '', /no sender of LogstashLink orders: The pod uses the network/)
})

test('of two links that want one port the younger is skipped and named', async (t) => {
  const links = [linkOf(), linkOf({}, { name: 'late', creationTimestamp: '2026-11-23T10:00:00Z' })]
  const { review } = await openDoor(t, { links })
  const pod = podOf()
  const response = await review(pod)
  assert.deepEqual(sidecars(patched(pod, response)), ['lsl-sender-orders'])
  assert.match(response.warnings?.[0] ?? '', /LogstashLink late: .*9801/)
})

const strange: [string, unknown][] = [
  ['no spec', { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { app: 'web' } } }],
  ['no metadata', { apiVersion: 'v1', kind: 'Pod' }],
  ['null', null],
]
test('whatever stands in place of a pod, nothing is refused', async (t) => {
  const { review } = await openDoor(t)
  const anyPod = fc.record({
    metadata: fc.oneof(fc.constant({ labels: { app: 'web' } }), fc.jsonValue()),
    spec: fc.oneof(
      fc.record(
        { containers: fc.jsonValue(), initContainers: fc.jsonValue(), volumes: fc.jsonValue() },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyPod, fc.jsonValue()), async (pod) => {
      const { allowed } = await review(pod as object)
      assert.equal(allowed, true)
    }),
    { numRuns: 300 },
  )
})

for (const [what, pod] of strange) {
  test(`a fault of ours (${what} in place of a pod) lets it pass, with a warning, a log and a count`, async (t) => {
    const { review, registry, lines } = await openDoor(t)
    const { allowed, patch, warnings } = await review(pod as object)
    assert.deepEqual([allowed, patch], [true, undefined])
    assert.match(warnings?.[0] ?? '', /because of a fault of the operator/)
    assert.equal(lines.filter(({ level }) => level === 'error').length, 1)
    assert.match(await registry.metrics(), /webhook_requests_total\{outcome="failed"\} 1/)
  })
}

test('keys of a prototype are labels like any other', async (t) => {
  const { post } = await openDoor(t)
  const pod = podOf()
  const text = JSON.stringify(reviewOf(pod)).replace(
    '"app":"web"',
    '"app":"web","__proto__":"a","constructor":"b"',
  )
  const { status, body } = await post(text)
  assert.deepEqual([status, body.response.allowed], [200, true])
  assert.deepEqual(sidecars(patched(pod, body.response)), ['lsl-sender-orders'])
})

const others: [string, object][] = [
  ['an update', { operation: 'UPDATE' }],
  ['an eviction', { subResource: 'eviction' }],
  ['a Deployment', { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }],
]
for (const [what, more] of others) {
  test(`${what} passes untouched, whatever someone made of the configuration`, async (t) => {
    const { review } = await openDoor(t)
    const { allowed, patch } = await review(podOf(), more)
    assert.deepEqual([allowed, patch], [true, undefined])
  })
}

test('before links are known the answer is a failure, which the API server counts and lets pass', async (t) => {
  const { post, registry } = await openDoor(t, { isSynced: false })
  const { status } = await post(reviewOf(podOf()))
  assert.equal(status, 503)
  assert.match(await registry.metrics(), /webhook_requests_total\{outcome="unsynced"\} 1/)
})

const garbage: [string, string, number][] = [
  ['no JSON', '{', 400],
  ['no review', '{"apiVersion":"v1","kind":"Pod"}', 400],
  [
    'a review without request',
    '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
    400,
  ],
  ['more than the API server takes', JSON.stringify('x'.repeat(4 * 1024 * 1024)), 413],
]
for (const [what, body, expected] of garbage) {
  test(`${what} is answered ${expected} and counted`, async (t) => {
    const { post, registry } = await openDoor(t)
    assert.equal((await post(body)).status, expected)
    assert.match(await registry.metrics(), /webhook_requests_total\{outcome="refused"\} 1/)
  })
}

test('a pod of nearly 3 MiB is taken', async (t) => {
  const { review } = await openDoor(t)
  const pod = podOf({}, { note: 'x'.repeat(3 * 1024 * 1024 - 1000) })
  assert.ok((await review(pod)).patch)
})

test('the duration of requests and the end of the certificate are measured', async (t) => {
  const { review, registry } = await openDoor(t)
  await review(podOf())
  const text = await registry.metrics()
  assert.match(text, /webhook_requests_total\{outcome="injected"\} 1/)
  assert.match(text, /webhook_request_duration_seconds_bucket\{le="0.05"\}/)
  const [, end] = /certificate_expiry_timestamp_seconds (\d+)/.exec(text) ?? []
  assert.ok(Number(end) > Date.now() / 1000)
})

test('TLS before 1.2 is refused and counted', async (t) => {
  const { port, authority, registry } = await openDoor(t)
  const socket = connect({
    port,
    ca: authority.caPem,
    servername: 'localhost',
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  await new Promise((resolve) => socket.once('error', resolve))
  socket.destroy()
  assert.match(await registry.metrics(), /webhook_handshake_failures_total 1/)
})

/** What a new connection is shown. */
async function leafShown(port: number, ca: string): Promise<string> {
  const socket = connect({ port, ca, servername: 'localhost' })
  await new Promise((resolve, reject) =>
    socket.once('secureConnect', resolve).once('error', reject),
  )
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('a new certificate is shown to new connections, and no request fails while it changes', async (t) => {
  const { port, authority, renew, review } = await openDoor(t)
  const before = await leafShown(port, authority.caPem)
  const ended = new AbortController()
  const stream = (async () => {
    let count = 0
    while (!ended.signal.aborted) {
      assert.ok((await review(podOf())).patch)
      count += 1
    }
    return count
  })()
  await renew()
  const after = await leafShown(port, authority.caPem)
  assert.notEqual(after, before)
  ended.abort()
  assert.ok((await stream) > 0)
})

test('without a certificate no connection comes about, until there is one', async (t) => {
  const { port, authority, renew } = await openDoor(t, { served: false })
  await assert.rejects(leafShown(port, authority.caPem))
  await renew()
  assert.ok(await leafShown(port, authority.caPem))
})

test('a port that is taken is told with what it was wanted for', async (t) => {
  const { port } = await openDoor(t)
  await assert.rejects(openDoor(t, { port }), {
    code: 'LSL_LISTEN_FAILED',
    message: /for the webhook/,
  })
})

test('a request that is under way when the server closes is answered', async (t) => {
  const { port, authority, close } = await openDoor(t)
  const socket = connect({ port, ca: authority.caPem, servername: 'localhost' })
  await once(socket, 'secureConnect')
  const body = JSON.stringify(reviewOf(podOf()))
  const head = ['POST /inject HTTP/1.1', 'Host: a', 'Content-Type: application/json']
  socket.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`)
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  // Another request on another connection is answered, so the first bytes of this one are there.
  await leafShown(port, authority.caPem)
  const closed = close()
  await eventually('nobody listens', () => assert.rejects(leafShown(port, authority.caPem)))
  socket.write(body.slice(10))
  await eventually('the answer is there', () => assert.match(answer, /200 OK[^]*"allowed":true/))
  socket.destroy()
  await closed
})
