import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-ports.ts'
import { metric, startProgram, untilReady, type Program } from '../../support/programs.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

const torn = '{"seq":2,"half of'

for (const how of ['stdin', 'tcp'] as const) {
  test(`SIGTERM in the middle of a line on ${how}: whole lines arrive, the half is not made an event, and it is said`, {
    timeout: 60_000,
  }, async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t)
    const [health = 0, port = 0] = await freePorts(2)
    const program: Program = startProgram(
      'sender',
      [
        ...['sender', '--no-tls', '--hosts', `127.0.0.1:${receiver.port}`],
        ...['--health-port', String(health), ...(how === 'tcp' ? ['--tcp', String(port)] : [])],
      ],
      { folder: folder.path('.'), stdin: 'pipe' },
    )
    t.after(() => program.child.kill('SIGKILL'))
    await untilReady(health)
    const input = how === 'tcp' ? net.connect(port, '127.0.0.1') : program.child.stdin
    assert.ok(input)
    input.write(`{"seq":0}\n{"seq":1}\n${torn}`)
    await eventually('the beginning of the last line is read', async () => {
      assert.equal(receiver.accepted.length, 2)
      assert.equal(await metric(health, 'logstash_link_sender_held_bytes'), torn.length)
    })
    // From here on the other end may go away at any time.
    input.on('error', () => input.destroy())
    program.child.kill('SIGTERM')
    assert.equal(await program.ended, 1)
    assert.deepEqual(receiver.accepted, ['{"seq":0}', '{"seq":1}'])
    const log = readFileSync(folder.path('sender.log'), 'utf8')
    assert.match(log, new RegExp(`"bytes":${torn.length},.*in the middle of a line`))
    assert.match(log, /"remaining":1\b/)
  })
}

test('what was read when the sender stops is delivered to its last newline, while a host is slow as well', async (t) => {
  const answer = Promise.withResolvers<number>()
  const receiver = await startTestReceiver(t, { behaviour: () => answer.promise })
  const sender = await startTestSender(t, [receiver.port], {
    queue: { type: 'Memory', maxSize: 1000, onFull: 'Block' },
  })
  sender.write(0, 90)
  await eventually('the first batch is at the host', () => assert.ok(receiver.requests.length > 0))
  // One is beyond the queue's room when the stop comes, one still in Node's buffer.
  sender.write(90, 180)
  await new Promise((resolve) => setImmediate(resolve))
  sender.write(180, 270)
  sender.input.write('{"seq":270')
  const stopped = sender.stop({ graceMs: 20_000 })
  answer.resolve(200)
  assert.deepEqual(await stopped, { remaining: 1 })
  assert.deepEqual(missingOf(receiver.accepted, 270), [])
  assert.equal(receiver.accepted.length, 270)
})

test('what the grace did not suffice for remains: in flight, waiting for room, read, half a line', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => new Promise(() => undefined) })
  const sender = await startTestSender(t, [receiver.port], {
    queue: { type: 'Memory', maxSize: 1000, onFull: 'Block' },
  })
  sender.write(0, 90)
  await eventually('the first batch is at the host', () => assert.ok(receiver.requests.length > 0))
  sender.write(90, 180)
  await new Promise((resolve) => setImmediate(resolve))
  sender.write(180, 270)
  sender.input.write('{"seq":270')
  assert.deepEqual(await sender.stop({ graceMs: 50 }), { remaining: 271 })
})

test('a last line without newline is an event when the other side ends just before the stop', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port])
  sender.write(0, 10)
  sender.input.end('{"seq":10}')
  assert.deepEqual(await sender.stop({ graceMs: 20_000 }), { remaining: 0 })
  assert.deepEqual(missingOf(receiver.accepted, 11), [])
})

test('collect.tcp refuses connections over limits.maxConnections, and takes them when others left', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    collect: { stdin: false, tcp: { port: 0 } },
    limits: { memory: 2 ** 20, maxLine: 2 ** 16, maxRequest: 2 ** 20, maxConnections: 2 },
  })
  const connect = async (seq: number): Promise<net.Socket> => {
    const socket = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => socket.destroy())
    await once(socket, 'connect')
    socket.write(`{"seq":${seq}}\n`)
    return socket
  }
  const first = await connect(0)
  await connect(1)
  await eventually('two are taken', () => assert.equal(receiver.accepted.length, 2))
  const refused = await connect(99)
  await eventually('the third is closed', () => assert.ok(refused.closed))
  first.end()
  await once(first, 'close')
  await eventually('another is taken', async () => {
    await connect(2)
    assert.deepEqual(missingOf(receiver.accepted, 3), [])
  })
  assert.ok(!receiver.accepted.includes('{"seq":99}'))
})

test('what applications wrote by collect.tcp before they ended is read to its end when we stop, however late Node sees it', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    collect: { stdin: false, tcp: { port: 0 } },
  })
  const program = `
    const { connect } = require('node:net')
    let open = 4
    const written = () => { open -= 1; if (open === 0) process.exit(0) }
    for (let part = 0; part < 4; part += 1) {
      let text = ''
      for (let seq = part * 5000; seq < (part + 1) * 5000; seq += 1) text += '{"seq":' + seq + '}\\n'
      const socket = connect(${sender.ports.tcp}, '127.0.0.1', () => socket.end(text, written))
    }`
  // Nothing of it is seen here until all of it lies in the kernel: this very thread waits meanwhile.
  assert.equal(spawnSync(process.execPath, ['-e', program]).status, 0)
  assert.deepEqual(await sender.stop({ graceMs: 20_000 }), { remaining: 0 })
  assert.deepEqual(missingOf(receiver.accepted, 20_000), [])
})
