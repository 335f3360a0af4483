import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { describe, it } from 'node:test'
import { createGzip, gzipSync } from 'node:zlib'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { startApplication } from '../../support/application.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { rawConnection, rawPost, rawRequest } from '../../support/raw-http.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'

const event = '{"a":1}\n'
const mebi = 1 << 20

/** An application that answers only when it is told to. */
async function held(t: Parameters<typeof startApplication>[0]) {
  const application = await startApplication(t)
  const gate = Promise.withResolvers<{ status: number }>()
  application.answer(() => gate.promise)
  return { application, open: () => gate.resolve({ status: 200 }) }
}

const undelivered = (receiver: TestReceiver) =>
  (receiver.status() as { delivery: { undelivered: number } }).delivery.undelivered

const keyed = (key: string) => ({ headers: { 'x-logstash-link-batch': key } })

describe('a batch that comes again', () => {
  it('joins its own delivery by its key, and is answered from memory afterwards', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const first = rawPost(receiver.port, event, keyed('s:0-0'))
    await eventually('it is under way', () => assert.equal(application.bodies.length, 1))
    const second = rawPost(receiver.port, event, keyed('s:0-0'))
    await eventually('it has joined', async () =>
      assert.equal(await receiver.metric('logstash_link_receiver_duplicate_batches_total'), 1),
    )
    open()
    assert.deepEqual([(await first).status, (await second).status], [200, 200])
    assert.equal((await rawPost(receiver.port, event, keyed('s:0-0'))).status, 200)
    assert.equal(application.bodies.length, 1)
  })

  it('is known by a part of its range, and no further', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    for (const [key, events, delivered] of [
      ['s:0-9', 10, 1],
      ['s:3-5', 3, 1],
      ['s:5-10', 6, 2],
      ['s:0-10', 11, 2],
      ['r:0-9', 10, 3],
      ['s:x', 1, 4],
    ] as const) {
      const answer = await rawPost(receiver.port, event.repeat(events), keyed(key))
      assert.equal(answer.status, 200)
      assert.equal(application.bodies.length, delivered, key)
    }
  })

  it('is not believed where its key does not fit the number of events', async (t) => {
    const application = await startApplication(t)
    const { log, lines } = capturedLog()
    const receiver = await startTestReceiver(
      t,
      { deliver: { type: 'http', url: application.url } },
      { log },
    )
    const maxSafe = Number.MAX_SAFE_INTEGER
    for (const [key, events, delivered] of [
      // One that claims more than it holds would have the next ones answered without delivery.
      ['s:0-1000', 1, 1],
      ['s:5-5', 1, 2],
      ['s:5-6', 1, 3],
      ['s:5-6', 1, 4],
      ['s:5-6', 3, 5],
      ['s:5-6', 2, 6],
      ['s:5-6', 2, 6],
      [`s:0-${maxSafe}`, 1, 7],
      [`s:${maxSafe}-${maxSafe}`, 1, 8],
      [`s:${maxSafe}-${maxSafe}`, 1, 8],
    ] as const) {
      const answer = await rawPost(receiver.port, event.repeat(events), keyed(key))
      assert.equal(answer.status, 200)
      assert.equal(application.bodies.length, delivered, `${key} with ${events}`)
    }
    assert.equal(await receiver.metric('logstash_link_receiver_wrong_batch_keys_total'), 5)
    assert.equal(lines.filter(({ msg }) => msg.startsWith('A batch key does not fit')).length, 1)
  })

  it('is delivered again when it failed', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    application.answer(() => ({ status: 500 }))
    assert.equal((await rawPost(receiver.port, event, keyed('s:0-0'))).status, 503)
    application.answer(() => ({ status: 200 }))
    assert.equal((await rawPost(receiver.port, event, keyed('s:0-0'))).status, 200)
    assert.deepEqual(application.taken, ['{"a":1}'])
  })

  it('is joined by its bytes once its sender has gone, as real outputs resend', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const first = await rawConnection(receiver.port)
    first.send(rawRequest(event))
    await eventually('it is under way', () => assert.equal(application.bodies.length, 1))
    first.end()
    await eventually('its end is noticed', async () =>
      assert.equal(await receiver.metric('logstash_link_receiver_connections'), 0),
    )
    const again = rawPost(receiver.port, event)
    await eventually('it has joined', async () =>
      assert.equal(await receiver.metric('logstash_link_receiver_duplicate_batches_total'), 1),
    )
    open()
    assert.equal((await again).status, 200)
    assert.equal(application.bodies.length, 1)
  })

  it('is another batch when the first sender of equal bytes still waits', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const both = [rawPost(receiver.port, event), rawPost(receiver.port, event)]
    await eventually('both are under way', () => assert.equal(application.bodies.length, 2))
    open()
    for (const answer of both) assert.equal((await answer).status, 200)
  })
})

describe('an application that hangs', { concurrency: true }, () => {
  it('gives 503 after 8 seconds, and other batches are not held up', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    application.answer((lines) =>
      lines[0]?.includes('slow') === true ? new Promise(() => undefined) : { status: 200 },
    )
    const begun = performance.now()
    const slow = rawPost(receiver.port, '{"slow":1}\n')
    for (let i = 0; i < 20; i += 1) assert.equal((await rawPost(receiver.port, event)).status, 200)
    assert.ok(performance.now() - begun < 4000)
    assert.equal((await slow).status, 503)
    const took = performance.now() - begun
    assert.ok(took > 7500 && took < 9900, `${took} ms`)
  })

  it('gets a batch once though its sender was told 503 and came again', async (t) => {
    const fifo = testFolder(t).path('pipe')
    await once(spawn('sh', ['-c', 'mkfifo "$0"', fifo]), 'exit')
    const descriptor = openSync(fifo, 'r+')
    t.after(() => closeSync(descriptor))
    const receiver = await startTestReceiver(t, {}, { stdout: descriptor })
    const large = `{"a":"${'x'.repeat(200_000)}"}\n`
    const begun = performance.now()
    assert.equal((await rawPost(receiver.port, large)).status, 503)
    assert.ok(performance.now() - begun < 10_000)
    assert.equal(undelivered(receiver), 1)
    const again = rawPost(receiver.port, large)
    await eventually('it has joined', async () =>
      assert.equal(await receiver.metric('logstash_link_receiver_duplicate_batches_total'), 1),
    )
    const reader = spawn('head', ['-c', String(large.length), fifo])
    reader.stdout.resume()
    assert.equal((await again).status, 200)
    await once(reader, 'close')
    assert.equal(await receiver.metric('logstash_link_receiver_events_total'), 1)
  })
})

describe('the budget of bytes', () => {
  const limits = { ...defaults.receiverLimits, memory: mebi }
  const half = `{"a":"${'x'.repeat(600_000)}"}\n`

  it('says 429 with Retry-After when it is used up, and takes the batch later', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const first = rawPost(receiver.port, half)
    await eventually('it is under way', () => assert.equal(undelivered(receiver), 1))
    const connection = await rawConnection(receiver.port)
    t.after(() => connection.end())
    connection.send(rawRequest(half))
    const refused = await connection.answer()
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1'])
    open()
    assert.equal((await first).status, 200)
    connection.send(rawRequest(half))
    assert.equal((await connection.answer()).status, 200)
    await eventually('all is given back', async () =>
      assert.equal(await receiver.metric('logstash_link_receiver_budget_used_bytes'), 0),
    )
  })

  it('counts what is inflated', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const gzip = { headers: { 'content-encoding': 'gzip' } }
    const first = rawPost(receiver.port, gzipSync(half), gzip)
    await eventually('it is under way', () => assert.equal(undelivered(receiver), 1))
    assert.equal((await rawPost(receiver.port, gzipSync(half), gzip)).status, 429)
    open()
    assert.equal((await first).status, 200)
  })

  it('lets a request that is larger than all of it go alone', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const first = rawPost(receiver.port, event)
    await eventually('another is under way', () => assert.equal(undelivered(receiver), 1))
    const large = rawPost(receiver.port, `{"a":"${'x'.repeat(3 * mebi)}"}\n`)
    open()
    assert.equal((await first).status, 200)
    assert.equal((await large).status, 200)
  })

  it('survives a bomb of 1 GiB with bounded memory', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const gzip = createGzip({ chunkSize: mebi })
    const chunks: Buffer[] = []
    gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (let i = 0; i < 1024; i += 1) {
      await new Promise<void>((resolve) => gzip.write(Buffer.alloc(mebi), () => resolve()))
    }
    gzip.end()
    await once(gzip, 'end')
    const before = process.memoryUsage().rss
    const answer = await rawPost(receiver.port, Buffer.concat(chunks), {
      headers: { 'content-encoding': 'gzip' },
    })
    assert.equal(answer.status, 413)
    assert.ok(process.memoryUsage().rss - before < 150 * mebi)
    assert.equal((await rawPost(receiver.port, event)).status, 200)
  })
})

describe('limits on connections', () => {
  it('refuses more than allowed and serves the others', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits: { ...defaults.receiverLimits, maxConnections: 2 },
    })
    const open = [await rawConnection(receiver.port), await rawConnection(receiver.port)]
    t.after(() => open.forEach((connection) => connection.end()))
    for (const connection of open) {
      connection.send(rawRequest(event))
      assert.equal((await connection.answer()).status, 200)
    }
    await assert.rejects(rawPost(receiver.port, event))
    open[0]?.send(rawRequest(event))
    assert.equal((await open[0]?.answer())?.status, 200)
  })
})

describe('stopping', () => {
  it('finishes what is under way, takes no more, and says that nothing remains', async (t) => {
    const { application, open } = await held(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const { port } = receiver
    const idle = await rawConnection(port)
    const under = rawPost(port, event)
    await eventually('it is under way', () => assert.equal(undelivered(receiver), 1))
    const stopped = receiver.stop()
    await idle.closed
    await assert.rejects(rawConnection(port))
    open()
    const answer = await under
    assert.deepEqual([answer.status, answer.headers['connection']], [200, 'close'])
    assert.deepEqual(await stopped, { undelivered: 0 })
  })

  it('gives up after the grace and says what remains', async (t) => {
    const { application } = await held(t)
    const receiver = await startTestReceiver(
      t,
      { deliver: { type: 'http', url: application.url } },
      { grace: 100 },
    )
    const lost = assert.rejects(rawPost(receiver.port, `${event}${event}`))
    await eventually('it is under way', () => assert.equal(undelivered(receiver), 2))
    assert.deepEqual(await receiver.stop(), { undelivered: 2 })
    await lost
  })
})
