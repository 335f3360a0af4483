import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import { LogstashLinkError } from '../../src/errors.ts'
import { startControlPlaneHealth } from '../../src/telemetry/control-plane-health.ts'
import { startHealthServer, type HealthServer } from '../../src/telemetry/health.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { silentLog } from '../support/log.ts'

const registry = createMetrics({ program: 'test' })
const base = { host: '127.0.0.1', port: 0, registry, log: silentLog() }
const good = () => ({ ok: true, message: 'listening' })
const bad = () => ({ ok: false, message: 'no identity yet' })
const thrower = () => {
  throw new Error('the check broke')
}

async function ask(
  server: HealthServer,
  path: string,
  method = 'GET',
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    ...(method === 'POST' ? { body: 'x' } : {}),
  })
  const text = await response.text()
  const length = Number(response.headers.get('content-length'))
  if (method !== 'HEAD') assert.equal(length, Buffer.byteLength(text))
  else assert.ok(length > 0)
  return { status: response.status, headers: response.headers, text }
}

type Start = typeof startHealthServer

async function begin(
  t: TestContext,
  start: Start,
  options: Partial<Parameters<Start>[0]> = {},
): Promise<HealthServer> {
  const checks = { live: { process: good }, ready: { tls: bad, socket: good } }
  const server = await start({ ...base, checks, ...options })
  t.after(() => server.close())
  return server
}

for (const [kind, start] of [
  ['sidecar', startHealthServer],
  ['control plane', startControlPlaneHealth],
] as const) {
  describe(`health endpoints of a ${kind}`, () => {
    test('each check is named in the answer, and one that failed makes it a 503', async (t) => {
      const server = await begin(t, start)
      const live = await ask(server, '/healthz')
      assert.equal(live.status, 200)
      assert.deepEqual(JSON.parse(live.text), {
        status: 'ok',
        checks: { process: { ok: true, message: 'listening' } },
      })
      const ready = await ask(server, '/readyz?verbose')
      assert.equal(ready.status, 503)
      assert.deepEqual(JSON.parse(ready.text), {
        status: 'failed',
        checks: {
          tls: { ok: false, message: 'no identity yet' },
          socket: { ok: true, message: 'listening' },
        },
      })
    })

    test('a check that throws counts as failed with what it threw', async (t) => {
      const server = await begin(t, start, { checks: { live: { broken: thrower }, ready: {} } })
      const { status, text } = await ask(server, '/healthz')
      assert.equal(status, 503)
      assert.match(text, /"broken":\{"ok":false,"message":"the check broke"\}/)
      assert.equal((await ask(server, '/readyz')).status, 200)
    })

    test('HEAD has the headers of GET and no body', async (t) => {
      const server = await begin(t, start)
      const get = await ask(server, '/readyz')
      const head = await ask(server, '/readyz', 'HEAD')
      assert.equal(head.status, 503)
      assert.equal(head.text, '')
      assert.equal(head.headers.get('content-length'), get.headers.get('content-length'))
    })

    test('metrics are in the format of Prometheus', async (t) => {
      const { headers, text } = await ask(await begin(t, start), '/metrics')
      assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
      assert.match(text, /^logstash_link_program_info\{program="test"\} 1$/m)
      assert.match(text, /^process_resident_memory_bytes \d+/m)
    })

    test('status is there only where the program has one', async (t) => {
      assert.equal((await ask(await begin(t, start), '/status')).status, 404)
      const server = await begin(t, start, { status: () => ({ queue: 3 }) })
      assert.deepEqual(JSON.parse((await ask(server, '/status')).text), { queue: 3 })
      const broken = await ask(await begin(t, start, { status: thrower }), '/status')
      assert.equal(broken.status, 500)
      assert.deepEqual(JSON.parse(broken.text), { error: 'the check broke' })
    })

    for (const path of ['/', '/nothing', '/healthz/', '//healthz', '/a%20b']) {
      test(`${path} is a 404 that says what there is`, async (t) => {
        const { status, headers, text } = await ask(await begin(t, start), path)
        assert.equal(status, 404)
        assert.match(headers.get('content-type') ?? '', /^application\/json/)
        assert.match(
          (JSON.parse(text) as { error: string }).error,
          /\/healthz, \/readyz, \/metrics$/,
        )
      })
    }

    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      test(`${method} is refused with 405 and Allow`, async (t) => {
        const { status, headers } = await ask(await begin(t, start), '/healthz', method)
        assert.equal(status, 405)
        assert.equal(headers.get('allow'), 'GET, HEAD')
      })
    }

    test('what is no HTTP is answered with 400', async (t) => {
      const server = await begin(t, start)
      const socket = connect(server.port, '127.0.0.1')
      socket.end('rubbish\r\n\r\n')
      const [data] = (await once(socket, 'data')) as [Buffer]
      assert.match(data.toString(), /^HTTP\/1\.1 400 [\s\S]*content-length: \d+\r\n/i)
    })

    test('an address that is taken is an error with a code', async (t) => {
      const { port } = await begin(t, start)
      await assert.rejects(
        start({ ...base, port, checks: { live: {}, ready: {} } }),
        (error) => error instanceof LogstashLinkError && error.code === 'LSL_LISTEN_FAILED',
      )
    })

    test('close frees the port, idle connections or not', async () => {
      const server = await start({ ...base, checks: { live: {}, ready: {} } })
      await ask(server, '/healthz')
      const idle = connect(server.port, '127.0.0.1')
      await once(idle, 'connect')
      const gone = once(idle, 'close')
      await server.close()
      await gone
      const again = await start({
        ...base,
        port: server.port,
        checks: { live: {}, ready: {} },
      })
      await again.close()
    })
  })
}

test('a sidecar that is told no address answers at every address of its pod, of IPv6 too', async (t) => {
  const server = await begin(t, startHealthServer, { host: '' })
  const loopbacks = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => internal)
  assert.ok(loopbacks.length > 0)
  for (const { address, family } of loopbacks) {
    const host = family === 'IPv6' ? `[${address}]` : address
    assert.equal((await fetch(`http://${host}:${server.port}/healthz`)).status, 200, address)
  }
})
