import assert from 'node:assert/strict'
import test from 'node:test'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, sequenceOf, startTestSender } from '../../support/senders.ts'

test('stdin is delivered in order within batches, and drained resolves at its end', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port])
  sender.write(0, 5000)
  sender.input.end('no newline at the end')
  await sender.drained
  assert.deepEqual(missingOf(receiver.accepted, 5000), [])
  assert.equal(receiver.accepted.length, 5001)
  for (const { lines } of receiver.requests) {
    const numbers = sequenceOf(lines).filter((seq) => !Number.isNaN(seq))
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
  }
  const wrapped = receiver.accepted.find((line) => line.includes('message'))
  assert.match(String(wrapped), /^\{"message":"no newline at the end","@timestamp":"[^"]+"\}$/)
  assert.deepEqual(await sender.stop({ graceMs: 1000 }), { remaining: 0 })
})

test('a request looks as the wire wants it', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(
    t,
    [receiver.port],
    { auth: { username: { value: 'u1' }, password: { env: 'PASSWORD' } } },
    { env: { PASSWORD: 'p1' }, version: '1.2.3' },
  )
  sender.write(0, 3)
  sender.input.end()
  await sender.drained
  const [request] = receiver.requests
  assert.ok(request)
  assert.equal(request.method, 'POST')
  assert.equal(request.url, '/')
  assert.equal(request.headers['content-type'], 'application/x-ndjson')
  assert.equal(request.headers['content-encoding'], 'gzip')
  assert.equal(request.headers['user-agent'], 'logstash-link/1.2.3')
  assert.equal(request.headers.authorization, `Basic ${btoa('u1:p1')}`)
  assert.equal(request.headers.host, `127.0.0.1:${receiver.port}`)
  assert.equal(request.headers['transfer-encoding'], undefined)
  assert.ok(Number(request.headers['content-length']) > 0)
  assert.match(String(request.headers['x-logstash-link-batch']), /^sender-[0-9a-f]{12}:0-\d+$/)
})

test('batches of at most 100 events reach three receivers evenly', async (t) => {
  const receivers = await Promise.all([1, 2, 3].map(() => startTestReceiver(t)))
  const sender = await startTestSender(
    t,
    receivers.map(({ port }) => port),
    { batch: { maxEvents: 100, maxBytes: 2 ** 20, maxWait: 50 } },
  )
  sender.write(0, 20_000)
  sender.input.end()
  await sender.drained
  const counts = receivers.map(({ accepted }) => accepted.length)
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    20_000,
  )
  assert.ok(Math.max(...counts) <= (1.3 * 20_000) / 3, `uneven: ${counts.join(', ')}`)
  for (const { requests } of receivers)
    assert.ok(requests.every(({ lines }) => lines.length <= 100))
})
