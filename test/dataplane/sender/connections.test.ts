import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import test from 'node:test'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

test('a connection is kept from batch to batch, and replaced when it is old, without a retry', async (t) => {
  const receiver = await startTestReceiver(t)
  const kept = await startTestSender(t, [receiver.port])
  for (let seq = 0; seq < 20; seq += 1) {
    kept.write(seq, seq + 1)
    await eventually('it arrives', () => assert.equal(receiver.accepted.length, seq + 1))
  }
  assert.equal(receiver.connections(), 1)

  const other = await startTestReceiver(t)
  const aging = await startTestSender(
    t,
    [other.port],
    {},
    { timeouts: { ...defaultTimeouts, connectionAge: 100 } },
  )
  let written = 0
  await eventually('several connections were made', () => {
    aging.write(written, written + 10)
    written += 10
    assert.ok(other.connections() >= 4)
  })
  aging.input.end()
  await aging.drained
  assert.deepEqual(missingOf(other.accepted, written), [])
  assert.equal(other.accepted.length, written)
  const metric = await aging.metric('logstash_link_sender_retries_total')
  assert.match(metric, /logstash_link_sender_retries_total\S* 0$/m)
})

test('an idle connection ends by its age as well, and 10 minutes is the default', async (t) => {
  assert.equal(defaultTimeouts.connectionAge, 600_000)
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(
    t,
    [receiver.port],
    {},
    { timeouts: { ...defaultTimeouts, connectionAge: 50 } },
  )
  sender.write(0, 1)
  await eventually('the connection is closed', () => {
    assert.equal(receiver.accepted.length, 1)
    assert.equal(receiver.open(), 0)
  })
})

test('a Service behind one address is balanced anew as connections age, and one that joins gets its part', async (t) => {
  const receivers = [await startTestReceiver(t), await startTestReceiver(t)]
  const [first, second] = receivers
  assert.ok(first && second)
  // What kube-proxy does: each connection goes to one of those behind the address, and stays there.
  const behind = [first.port]
  let connections = 0
  const address = net.createServer((socket) => {
    const port = behind[(connections += 1) % behind.length] ?? 0
    const onward = net.connect(port, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    socket.once('error', () => onward.destroy())
    onward.once('error', () => socket.destroy())
  })
  address.listen(0, '127.0.0.1')
  await once(address, 'listening')
  const { port } = address.address() as AddressInfo
  const sender = await startTestSender(
    t,
    [port],
    {},
    { timeouts: { ...defaultTimeouts, connectionAge: 100 } },
  )
  t.after(async () => {
    await sender.stop({ graceMs: 0 })
    address.close()
  })
  let written = 0
  async function deliver(): Promise<void> {
    sender.write(written, written + 10)
    written += 10
    await eventually('it arrives', () =>
      assert.equal(first?.accepted.length ?? 0, written - (second?.accepted.length ?? 0)),
    )
  }
  await deliver()
  assert.equal(second.accepted.length, 0)
  behind.push(second.port)
  await eventually('the one that joined has got a good part', async () => {
    await deliver()
    assert.ok(second.accepted.length > 100)
  })
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf([...first.accepted, ...second.accepted], written), [])
})
