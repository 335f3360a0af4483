// Every limit of the receiver at its edge: what just fits is taken, the next byte is not, and that is counted and logged.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { defaults, type ReceiverLimits } from '../../../src/api/sidecar-config.ts'
import type { ListenerTimeouts } from '../../../src/dataplane/receiver/listener.ts'
import type { ReceiverLimit } from '../../../src/dataplane/receiver/metrics.ts'
import { createLimitHits } from '../../../src/dataplane/limit-hits.ts'
import { startApplication } from '../../support/application.ts'
import { makeTestAuthority, testFolder, writeIdentity } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { rawConnection, rawPost, rawRequest } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'

/** An event of so many bytes, without its newline. */
const event = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`
const gzip = { headers: { 'content-encoding': 'gzip' } }

async function setUp(
  t: TestContext,
  limits: Partial<ReceiverLimits>,
  dependencies: { timeouts?: Partial<ListenerTimeouts>; bodyStall?: number } = {},
) {
  const application = await startApplication(t)
  const { log, lines } = capturedLog()
  const receiver = await startTestReceiver(
    t,
    {
      deliver: { type: 'http', url: application.url },
      deadLetter: { directory: testFolder(t).path('dead'), maxSize: 1 << 20 },
      limits: { ...defaults.receiverLimits, ...limits },
    },
    { log, ...dependencies },
  )

  /** That it was counted so often, and logged once. */
  async function reached(limit: ReceiverLimit, times: number): Promise<void> {
    await eventually(`${limit} is counted`, async () => {
      const found = await receiver.registry
        .getSingleMetric('logstash_link_receiver_limits_reached_total')
        ?.get()
      const counts = Object.fromEntries(
        (found?.values ?? []).map(({ labels, value }) => [labels['limit'], value]),
      )
      assert.deepEqual(counts, times === 0 ? {} : { [limit]: times })
    })
    const told = lines.filter(({ msg }) => msg === 'A limit was reached')
    assert.deepEqual(
      told.map(({ level, limit: which }) => [level, which]),
      times === 0 ? [] : [['warn', limit]],
    )
  }
  return { application, receiver, reached }
}

describe('a limit of the receiver', () => {
  it('maxRequest holds to the byte, announced and chunked', async (t) => {
    const { receiver, reached } = await setUp(t, { maxRequest: 1000 })
    const chunked = async (bytes: number) => {
      const connection = await rawConnection(receiver.port)
      t.after(() => connection.end())
      const body = `${event(bytes - 1)}\n`
      connection.send('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
      connection.send(`${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
      return (await connection.answer()).status
    }
    assert.equal((await rawPost(receiver.port, `${event(999)}\n`)).status, 200)
    assert.equal(await chunked(1000), 200)
    await reached('maxRequest', 0)
    assert.equal((await rawPost(receiver.port, `${event(1000)}\n`)).status, 413)
    assert.equal(await chunked(1001), 413)
    await reached('maxRequest', 2)
  })

  it('maxDecompressed holds to the byte, for a small body and for a stream', async (t) => {
    for (const limit of [10_000, 3_000_000]) {
      const { receiver, reached } = await setUp(t, { maxDecompressed: limit })
      const body = (bytes: number) => gzipSync(`${event(bytes - 1)}\n`)
      assert.equal((await rawPost(receiver.port, body(limit), gzip)).status, 200)
      await reached('maxDecompressed', 0)
      assert.equal((await rawPost(receiver.port, body(limit + 1), gzip)).status, 413)
      await reached('maxDecompressed', 1)
    }
  })

  it('maxLine holds to the byte: the longer line alone is set aside', async (t) => {
    const { application, receiver, reached } = await setUp(t, { maxLine: 2000 })
    const fits = event(2000)
    assert.equal((await rawPost(receiver.port, `${fits}\n${event(2001)}\n{}\n`)).status, 200)
    assert.deepEqual(application.taken, [fits, '{}'])
    assert.equal(await receiver.metric('logstash_link_receiver_dead_letters_total'), 1)
    // It has a counter and a line of its own.
    await reached('memory', 0)
  })

  it('memory holds to the byte: two that fill it are taken, and one byte more is not', async (t) => {
    const { application, receiver, reached } = await setUp(t, { memory: 4000 })
    const gate = Promise.withResolvers<{ status: number }>()
    application.answer(() => gate.promise)
    const half = `${event(1999)}\n`
    const under = [rawPost(receiver.port, half), rawPost(receiver.port, half)]
    await eventually('both are under way', () => assert.equal(application.bodies.length, 2))
    await reached('memory', 0)
    assert.equal(await receiver.metric('logstash_link_receiver_budget_used_bytes'), 4000)
    assert.equal((await rawPost(receiver.port, '{}')).status, 429)
    gate.resolve({ status: 200 })
    for (const each of under) assert.equal((await each).status, 200)
    assert.equal((await rawPost(receiver.port, '{}')).status, 200)
    await reached('memory', 1)
  })

  it('maxConnections holds to the connection', async (t) => {
    const { receiver, reached } = await setUp(t, { maxConnections: 3 })
    const open = await Promise.all([1, 2, 3].map(() => rawConnection(receiver.port)))
    t.after(() => open.forEach((each) => each.end()))
    for (const each of open) {
      each.send(rawRequest('{}'))
      assert.equal((await each.answer()).status, 200)
    }
    await reached('maxConnections', 0)
    await assert.rejects(rawPost(receiver.port, '{}'))
    await assert.rejects(rawPost(receiver.port, '{}'))
    await reached('maxConnections', 2)
    assert.equal(await receiver.metric('logstash_link_receiver_refused_connections_total'), 2)
  })

  it('on silence within a body ends the connection, however much of it came', async (t) => {
    const { receiver, reached } = await setUp(t, {}, { bodyStall: 100 })
    const connection = await rawConnection(receiver.port)
    connection.send(rawRequest(event(1000)).subarray(0, 200))
    await connection.closed
    await reached('bodyStall', 1)
    assert.equal(await receiver.metric('logstash_link_receiver_budget_used_bytes'), 0)
  })

  it('on the time of a whole request holds for one that never falls silent', async (t) => {
    const timeouts = { request: 300, headers: 200 }
    const { receiver, reached } = await setUp(t, {}, { timeouts })
    const connection = await rawConnection(receiver.port)
    connection.send('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n')
    const dripping = setInterval(() => connection.send(' '), 20)
    await connection.closed
    clearInterval(dripping)
    await reached('requestTime', 1)
  })

  it('on the time of a handshake', async (t) => {
    const authority = await makeTestAuthority()
    const { cert, key } = writeIdentity(testFolder(t), authority, await authority.leaf())
    const { log, lines } = capturedLog()
    const receiver = await startTestReceiver(
      t,
      {
        tls: {
          enabled: true,
          identity: { type: 'pem', cert, key },
          clientAuthentication: 'None',
        },
      },
      { log, timeouts: { handshake: 100 } },
    )
    const connection = await rawConnection(receiver.port)
    await connection.closed
    assert.equal(await receiver.metric('logstash_link_receiver_limits_reached_total'), 1)
    assert.ok(lines.some(({ limit }) => limit === 'handshakeTime'))
  })
})

it('a limit that is reached over and over is logged once a minute, with how often it was', () => {
  const clock = { time: 0 }
  const { log, lines } = capturedLog()
  const counts: string[] = []
  const hit = createLimitHits<'a' | 'b'>({
    count: (limit) => void counts.push(limit),
    log,
    time: { now: () => clock.time },
  })
  for (let i = 0; i < 100; i += 1) hit('a', { length: i })
  hit('b')
  clock.time = 59_999
  hit('a')
  clock.time = 60_000
  hit('a', { length: 7 })
  assert.equal(counts.length, 103)
  assert.deepEqual(
    lines.map(({ limit, before, length }) => [limit, before, length]),
    [
      ['a', 0, 0],
      ['b', 0, undefined],
      ['a', 100, 7],
    ],
  )
})
