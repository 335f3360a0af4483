import assert from 'node:assert/strict'
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
