import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

const tcp = { collect: { stdin: false, tcp: { port: 0 } } }

test('collect.tcp takes lines of several connections, a last one without newline included', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], tcp)
  for (let i = 0; i < 10; i += 1) {
    const socket = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
    socket.end(`{"seq":${2 * i}}\n{"seq":${2 * i + 1}}`)
  }
  await eventually('all arrive', () => assert.deepEqual(missingOf(receiver.accepted, 20), []))
})

test('while receivers hang the sender does not read: the application is slowed down, memory bounded', async (t) => {
  const release = Promise.withResolvers<number>()
  const receiver = await startTestReceiver(t, { behaviour: () => release.promise })
  const maxSize = 2 ** 20
  const sender = await startTestSender(t, [receiver.port], {
    ...tcp,
    queue: { type: 'Memory', maxSize, onFull: 'Block' },
    limits: { ...defaults.senderLimits, memory: maxSize },
  })
  const socket = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
  let written = 0
  // Kernel buffers take some megabytes as well; then the socket says that it is full and stays so.
  let blockedAt = -1
  await eventually(
    'writing stops',
    async () => {
      while (written < 100_000 && socket.writableLength < 2 ** 20) socket.write(fatLine(written++))
      const before = blockedAt
      blockedAt = socket.bytesWritten
      await new Promise((resolve) => setImmediate(resolve))
      assert.ok(socket.writableLength >= 2 ** 20 && before === blockedAt)
    },
    { everyMs: 200 },
  )
  const { queue } = sender.status() as { queue: { bytes: number } }
  assert.ok(queue.bytes <= maxSize, `${queue.bytes} bytes in the queue`)
  release.resolve(200)
  socket.end()
  await eventually('all arrive', () => assert.deepEqual(missingOf(receiver.accepted, written), []))
})

test('a line over the limit goes to the dead letters by its head, its neighbours arrive', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    limits: { ...defaults.senderLimits, maxLine: 10_000 },
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.write(0, 1)
  sender.input.write(`{"long":"${'x'.repeat(50_000)}"}\n`)
  sender.write(1, 2)
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(receiver.accepted, 2), [])
  assert.equal(receiver.accepted.length, 2)
  const letters = readFileSync(`${folder.path('dead')}/dead-letters.ndjson`, 'utf8')
  assert.match(letters, /"length":50011/)
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"oversized"\} 1/)
})

test('connections whose lines never end do not fill the memory for ever', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    ...tcp,
    queue: { type: 'Memory', maxSize: 2 ** 20, onFull: 'Block' },
    limits: { ...defaults.senderLimits, memory: 2 ** 20 },
  })
  const sockets = Array.from({ length: 8 }, () => {
    const socket = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
    socket.on('error', () => socket.destroy())
    socket.write('x'.repeat(300_000))
    return socket
  })
  t.after(() => sockets.forEach((socket) => socket.destroy()))
  await eventually('some are given up', () => assert.ok(receiver.accepted.length > 0))
  const { queue } = sender.status() as { queue: { bytes: number; heldBytes: number } }
  assert.ok(queue.bytes + queue.heldBytes < 2 * 2 ** 20)
  const good = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
  good.end('{"good":1}\n')
  await eventually('another gets through', () =>
    assert.ok(receiver.accepted.includes('{"good":1}')),
  )
})

test('settings for batches, queue and hosts take effect while it runs', async (t) => {
  const [one, two] = [await startTestReceiver(t), await startTestReceiver(t)]
  const sender = await startTestSender(t, [one.port])
  sender.write(0, 50)
  await eventually('the first takes them', () => assert.equal(one.accepted.length, 50))
  sender.change({
    batch: { maxEvents: 5, maxBytes: 2 ** 20, maxWait: 10 },
    hosts: { list: [{ host: '127.0.0.1', port: two.port }] },
    queue: { type: 'Memory', maxSize: 2 ** 16, onFull: 'Block' },
  })
  await eventually('the new host is known', () => {
    const { hosts, queue } = sender.status() as {
      hosts: { host: string }[]
      queue: { maxSize: number }
    }
    assert.deepEqual([hosts[0]?.host, queue.maxSize], [`127.0.0.1:${two.port}`, 2 ** 16])
  })
  sender.write(50, 100)
  sender.input.end()
  await sender.drained
  assert.equal(two.accepted.length, 50)
  assert.ok(two.requests.every(({ lines }) => lines.length <= 5))
})

test('stop flushes what was taken and says what remains', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port])
  sender.write(0, 1000)
  await eventually('it was read', () => {
    assert.match(JSON.stringify(sender.status()), /"collected":1000/)
  })
  assert.deepEqual(await sender.stop({ graceMs: 5000 }), { remaining: 0 })
  assert.equal(receiver.accepted.length, 1000)
})

function fatLine(seq: number): string {
  return `{"seq":${seq},"fill":"${'x'.repeat(1000)}"}\n`
}
