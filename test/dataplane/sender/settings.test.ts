import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { createBalancer } from '../../../src/dataplane/balancer/balancer.ts'
import { changeable } from '../../../src/dataplane/files/watched.ts'
import { createConnections } from '../../../src/dataplane/sender/connections.ts'
import { createHostHealth } from '../../../src/dataplane/sender/host-health.ts'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog, silentLog } from '../../support/log.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { senderSettings, startTestSender } from '../../support/senders.ts'

const limits = { ...defaults.senderLimits, maxLine: 100 }
const overLimit = `{"long":"${'x'.repeat(200)}"}\n`

test('a dead-letter folder that is set, or another, is used by a running sender', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], { limits })
  for (const name of ['one', 'two']) {
    sender.change({ deadLetter: { directory: folder.path(name), maxSize: 2 ** 20 } })
    await eventually(`it goes to ${name}`, () => {
      sender.input.write(overLimit)
      const file = folder.path(`${name}/dead-letters.ndjson`)
      assert.ok(existsSync(file))
      assert.match(readFileSync(file, 'utf8'), /"length":211/)
    })
  }
})

test('maxConnections reaches a running sender', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    collect: { stdin: false, tcp: { port: 0 } },
    limits: { ...limits, maxConnections: 1 },
  })
  const connect = (): net.Socket => {
    const socket = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
    t.after(() => socket.destroy())
    return socket.on('error', () => socket.destroy())
  }
  connect().write('{"first":1}\n')
  await eventually('it is taken', () => assert.deepEqual(receiver.accepted, ['{"first":1}']))
  const refused = connect()
  await eventually('the next is refused', () => assert.ok(refused.closed))
  sender.change({ limits: { ...limits, maxConnections: 2 } })
  connect().write('{"second":1}\n')
  await eventually('another is taken', () => assert.equal(receiver.accepted.length, 2))
})

test('a queue grows up to the memory that the process began with, and further only by a restart', async (t) => {
  const receiver = await startTestReceiver(t)
  const memory = 2 ** 20
  const { log, lines } = capturedLog()
  const sender = await startTestSender(
    t,
    [receiver.port],
    {
      queue: { type: 'Memory', maxSize: 2 ** 18, onFull: 'Block' },
      limits: { ...limits, memory },
    },
    { log },
  )
  const sizeAfter = (maxSize: number): number => {
    sender.change({
      queue: { type: 'Memory', maxSize, onFull: 'Block' },
      limits: { ...limits, memory: Math.max(memory, maxSize) },
    })
    return (sender.status() as { queue: { maxSize: number } }).queue.maxSize
  }
  assert.equal(sizeAfter(2 ** 19), 2 ** 19)
  assert.equal(sizeAfter(2 ** 24), memory)
  assert.equal(sizeAfter(2 ** 16), 2 ** 16)
  const warnings = lines.filter(({ msg }) => msg.includes('needs a restart'))
  assert.deepEqual(
    warnings.map(({ wanted, maxSize }) => [wanted, maxSize]),
    [[2 ** 24, memory]],
  )
})

test('a full queue that is raised takes what waited for room', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => new Promise(() => undefined) })
  const sender = await startTestSender(t, [receiver.port], {
    queue: { type: 'Memory', maxSize: 1000, onFull: 'Block' },
  })
  const collected = (): number =>
    (sender.status() as { events: { collected: number } }).events.collected
  sender.write(0, 90)
  await eventually('the first are taken', () => assert.equal(collected(), 90))
  sender.write(90, 180)
  sender.change({ queue: { type: 'Memory', maxSize: 10_000, onFull: 'Block' } })
  await eventually('the others are taken', () => assert.equal(collected(), 180))
})

test('settings that change just before the end leave no watch of files behind', async (t) => {
  const folder = testFolder(t)
  const started = new Set<unknown>()
  const { setInterval: start, clearInterval: end } = globalThis
  t.mock.method(globalThis, 'setInterval', (run: () => void, ms: number) => {
    const timer = start(run, ms)
    started.add(timer)
    return timer
  })
  t.mock.method(globalThis, 'clearInterval', (timer: NodeJS.Timeout) => {
    started.delete(timer)
    end(timer)
  })
  const settings = changeable(senderSettings())
  const log = silentLog()
  const opened = Promise.withResolvers<void>()
  const connections = await createConnections(settings, {
    log,
    env: {},
    lookup: () => Promise.resolve([]),
    now: () => performance.now(),
    random: Math.random,
    timeouts: defaultTimeouts,
    balancer: createBalancer(settings.current.balancing),
    health: createHostHealth({ log, now: () => 0 }),
    onChange: () => opened.resolve(),
  })
  settings.set({
    ...settings.current,
    hosts: { file: folder.path('hosts.json') },
    tls: {
      enabled: true,
      trust: { type: 'pem', ca: folder.path('ca.crt') },
      verification: 'Full',
    },
  })
  await eventually('new files are being opened', () => assert.ok(started.size > 1), { everyMs: 0 })
  connections.close()
  await eventually('none is left', () => assert.equal(started.size, 0))
})
