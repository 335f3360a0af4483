import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { startSidecar } from '../../src/cli/start-sidecar.ts'
import { LogstashLinkError } from '../../src/errors.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'
import { silentLog } from '../support/log.ts'
import { startProgram } from '../support/programs.ts'

const forEver = new Promise<never>(() => undefined)

/** What is told of the first attempt, which fails so; the second goes well. */
async function toldOf(error: unknown): Promise<string[]> {
  const told: string[] = []
  let attempts = 0
  const running = await startSidecar({
    async start() {
      attempts += 1
      if (attempts === 1) throw error
      return attempts
    },
    onFailed: (message) => told.push(message),
    ended: forEver,
    log: silentLog(),
    pause: async () => undefined,
  })
  assert.equal(running, 2)
  return told
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: cannot`), { code, path })
}

const causes: [string, unknown, RegExp][] = [
  [
    'a claim that root owns',
    systemError('EACCES', '/var/lib/logstash-link/x'),
    /^User \d+ cannot write in \/var\/lib\/logstash-link\/x \(EACCES\): .*securityContext\.fsGroup.*runAsUser/,
  ],
  [
    'a volume that can only be read',
    new LogstashLinkError('LSL_DEAD_LETTER_FAILED', ['x', 'y'], {
      cause: systemError('EROFS', '/var/lib/logstash-link'),
    }),
    /\/var\/lib\/logstash-link \(EROFS\): its volume can only be read/,
  ],
  ['anything else', new Error('the words of it'), /^the words of it$/],
]
for (const [title, error, expected] of causes) {
  test(`a sidecar that cannot start for ${title} says so and tries again`, async () => {
    const [told = '', ...more] = await toldOf(error)
    assert.match(told, expected)
    assert.deepEqual(more, [])
  })
}

test('attempts are paused for 1 s, doubling to 30 s, and end with the program', async () => {
  const pauses: number[] = []
  const ended = Promise.withResolvers<void>()
  const running = await startSidecar({
    start: () => Promise.reject(new Error('never')),
    onFailed: () => undefined,
    ended: ended.promise,
    log: silentLog(),
    async pause(ms) {
      pauses.push(ms)
      if (pauses.length < 7) return
      ended.resolve()
      await ended.promise
    },
  })
  assert.equal(running, undefined)
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

test('a sender whose port is taken lives, says why it is not ready, and starts once the port is free', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'start-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [health = 0] = await freePorts(1)
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as { port: number }
  const settings = {
    role: 'sender',
    hosts: { list: [{ host: '127.0.0.1', port: 1 }] },
    tls: { enabled: false },
    decorate: 'None',
    batch: { maxEvents: 10, maxBytes: 1000, maxWait: 0 },
    queue: { type: 'Memory', maxSize: 1000, onFull: 'Block' },
    balancing: { coolOff: 0, preferSameZone: false },
    limits: { memory: 1e6, maxLine: 1e5, maxRequest: 1e5, maxConnections: 10 },
    logLevel: 'Info',
  }
  writeFileSync(join(folder, 'sidecar.json'), JSON.stringify(settings))
  const { child, ended } = startProgram(
    'sender',
    [
      ...['sender', '--config', join(folder, 'sidecar.json')],
      ...['--http', String(port), '--health-port', String(health)],
    ],
    { folder },
  )
  t.after(() => child.kill('SIGKILL'))
  const started = async () => {
    const answer = await fetch(`http://127.0.0.1:${health}/readyz`)
    const { checks } = (await answer.json()) as {
      checks: Record<string, { ok: boolean; message?: string }>
    }
    return checks['started']
  }
  await eventually('it says why', async () => {
    assert.match((await started())?.message ?? '', new RegExp(`Cannot listen on .*${port}`))
  })
  assert.equal((await fetch(`http://127.0.0.1:${health}/healthz`)).status, 200)
  holder.close()
  await eventually('it takes events', async () => assert.equal(await started(), undefined))
  const metrics = await (await fetch(`http://127.0.0.1:${health}/metrics`)).text()
  assert.match(metrics, /logstash_link_sender_/)
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
})
