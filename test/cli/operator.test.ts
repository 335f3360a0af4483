import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'
import { allChecks, asInformation } from '../../src/cli/operator/checks.ts'
import { within } from '../../src/cli/operator/ending.ts'
import { fencedCluster } from '../../src/cli/operator/fenced-cluster.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { testFolder } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'
import { capturedLog } from '../support/log.ts'
import { startProgram } from '../support/programs.ts'

/** An API server at a port where nobody listens. */
async function absentServer(t: { after(done: () => void): void }) {
  const [port = 0, healthPort = 0, webhookPort = 0] = await freePorts(3)
  const folder = testFolder(t)
  const kubeconfig = folder.write(
    'kubeconfig',
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}` } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  const start = () =>
    startProgram(
      'operator',
      [
        ...['operator', '--image', 'i', '--namespace', 'system', '--kubeconfig', kubeconfig],
        ...['--host', '127.0.0.1', '--health-port', String(healthPort)],
        ...['--webhook-port', String(webhookPort)],
      ],
      { folder: dirname(kubeconfig) },
    )
  const log = () => readFileSync(folder.path('operator.log'), 'utf8')
  return { start, log, healthPort, webhookPort }
}

test('without an API server the operator is alive and not ready, and ends with 0 when it is asked to', async (t) => {
  const { start, log, healthPort } = await absentServer(t)
  const { child, ended } = start()
  t.after(() => child.kill('SIGKILL'))
  const ask = (path: string) => fetch(`http://127.0.0.1:${healthPort}${path}`)
  await eventually('it tells that the Lease cannot be reached', () =>
    assert.match(log(), /The Lease cannot be reached/),
  )
  assert.equal((await ask('/healthz')).status, 200)
  const answer = await ask('/readyz')
  assert.equal(answer.status, 503)
  const { checks } = (await answer.json()) as { checks: Record<string, { ok: boolean }> }
  assert.equal(checks['webhook links']?.ok, false)
  assert.equal(checks['leadership']?.ok, true)
  child.kill('SIGTERM')
  assert.equal(await ended, 0, log())
})

test('a port that is taken ends the operator with 1 and a sentence', async (t) => {
  const { start, log, healthPort } = await absentServer(t)
  const taken = createServer().listen(healthPort, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { ended } = start()
  assert.equal(await ended, 1)
  assert.match(log(), /Cannot listen on 127\.0\.0\.1:\d+ for the health endpoints/)
})

test('a defect is logged, and ends the process with 1', async () => {
  const ending = new URL('../../src/cli/operator/ending.ts', import.meta.url).href
  const source = `
    import { endOnDefects } from ${JSON.stringify(ending)}
    endOnDefects({ error: (fields, message) => console.log(fields.err.message, fields.origin, message) })
    setInterval(() => {}, 1000)
    void Promise.reject(new Error('forgotten'))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source])
  const [said, [code]] = await Promise.all([
    text(child.stdout),
    once(child, 'exit') as Promise<number[]>,
  ])
  assert.equal(said, 'forgotten unhandledRejection A defect: the operator ends\n')
  assert.equal(code, 1)
})

test('a step of the end that takes too long or fails is told and left behind', async () => {
  const { log, lines } = capturedLog()
  const over = new AbortController()
  await within(
    'slow',
    delay(60_000, undefined, { signal: over.signal }).catch(() => undefined),
    {
      ms: 10,
      log,
    },
  )
  over.abort()
  await within('broken', Promise.reject(new Error('no')), { ms: 10_000, log })
  await within('quick', Promise.resolve(), { ms: 10_000, log })
  assert.deepEqual(
    lines.map(({ what, level }) => [what, level]),
    [
      ['slow', 'warn'],
      ['broken', 'warn'],
    ],
  )
})

test('who does not lead any more reads, and writes nothing', async () => {
  let leads = true
  const cluster = createInMemoryCluster({ now: () => new Date() })
  const fenced = fencedCluster(cluster, () => leads)
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'it', namespace: 'shop' },
  }
  const key = { apiVersion: 'v1', kind: 'ConfigMap', name: 'it', namespace: 'shop' }
  await fenced.create(object)
  leads = false
  for (const write of [
    () => fenced.create(object),
    () => fenced.apply(object),
    () => fenced.applyStatus(object),
    () => fenced.delete(key),
  ]) {
    await assert.rejects(
      write(),
      (error) => error instanceof ClusterError && error.reason === 'Unavailable',
    )
  }
  assert.equal((await fenced.get(key))?.metadata.name, 'it')
  assert.equal((await fenced.list(key)).length, 1)
})

test('what is told for information does not decide on readiness', () => {
  const bad = { ok: false, message: 'not synced' }
  const good = { ok: true, message: 'fine' }
  const { live, ready } = allChecks([
    { live: { loop: () => good }, ready: { certificate: () => good } },
    asInformation({ live: { reconciles: () => bad }, ready: { watches: () => bad } }, 'controller'),
  ])
  assert.deepEqual(
    Object.entries(ready).map(([name, check]) => [name, check()]),
    [
      ['certificate', good],
      ['controller watches', { ok: true, message: 'not synced' }],
    ],
  )
  assert.deepEqual(Object.keys(live), ['loop', 'reconciles'])
  assert.equal(live['reconciles']?.().ok, false)
})
