// Limits of collect.http and collect.tcp at their edge: what just fits is taken, the next is not, counted and logged.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { defaults, type SenderSettings } from '../../../src/api/sidecar-config.ts'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { rawConnection, rawPost, rawRequest } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { startTestSender } from '../../support/senders.ts'

const event = (bytes: number) => `{"a":"${'x'.repeat(bytes - 8)}"}`

async function setUp(t: TestContext, changes: Partial<SenderSettings>) {
  const receiver = await startTestReceiver(t)
  const { log, lines } = capturedLog()
  const sender = await startTestSender(
    t,
    [receiver.port],
    { collect: { stdin: false, http: { port: 0 }, tcp: { port: 0 } }, ...changes },
    { log, timeouts: { ...defaultTimeouts, room: 100 } },
  )
  const { http = 0, tcp = 0 } = sender.ports
  return {
    receiver,
    http,
    tcp,
    async reached(this: void, limit: string, times: number) {
      await eventually(`${limit} is counted`, async () => {
        const text = await sender.metric('logstash_link_sender_limits_reached_total')
        const counts = [...text.matchAll(/limit="(\w+)".*\} (\d+)/g)].map(([, ...each]) => each)
        assert.deepEqual(counts, times === 0 ? [] : [[limit, String(times)]])
      })
      const told = lines.filter(({ msg }) => msg === 'A limit was reached')
      assert.deepEqual(
        told.map(({ level, limit: which }) => [level, which]),
        times === 0 ? [] : [['warn', limit]],
      )
    },
  }
}

describe('a limit of the sender', () => {
  it('maxRequest holds to the byte, as it comes and inflated', async (t) => {
    const limits = { ...defaults.senderLimits, maxRequest: 10_000 }
    const { http, reached, receiver } = await setUp(t, { limits })
    const gzip = { headers: { 'content-encoding': 'gzip' } }
    assert.equal((await rawPost(http, `${event(9999)}\n`)).status, 200)
    assert.equal((await rawPost(http, gzipSync(`${event(9999)}\n`), gzip)).status, 200)
    await reached('maxRequest', 0)
    assert.equal((await rawPost(http, `${event(10_000)}\n`)).status, 413)
    assert.equal((await rawPost(http, gzipSync(`${event(10_000)}\n`), gzip)).status, 413)
    await reached('maxRequest', 2)
    assert.equal(receiver.accepted.length, 2)
  })

  it('maxConnections holds to the connection, for each way by itself', async (t) => {
    const limits = { ...defaults.senderLimits, maxConnections: 3 }
    const { http, tcp, reached, receiver } = await setUp(t, { limits })
    const open = await Promise.all([1, 2, 3].map(() => rawConnection(http)))
    const streams = await Promise.all([1, 2, 3].map(() => rawConnection(tcp)))
    t.after(() => [...open, ...streams].forEach((each) => each.end()))
    for (const each of open) {
      each.send(rawRequest('{"http":1}'))
      assert.equal((await each.answer()).status, 200)
    }
    for (const each of streams) each.send('{"tcp":1}\n')
    await eventually('all arrive', () => assert.equal(receiver.accepted.length, 6))
    await reached('maxConnections', 0)
    await assert.rejects(rawPost(http, '{}'))
    await (await rawConnection(tcp)).closed
    await reached('maxConnections', 2)
    // One that goes makes room for another.
    open[0]?.end()
    await eventually('there is room', async () =>
      assert.equal((await rawPost(http, '{"http":2}')).status, 200),
    )
  })

  it('memory: what finds no room in time is told to come again', async (t) => {
    const queue = { type: 'Memory', maxSize: 2000, onFull: 'Block' } as const
    const limits = { ...defaults.senderLimits, memory: 2000 }
    const { http, reached, receiver } = await setUp(t, { queue, limits })
    const gate = Promise.withResolvers<number>()
    receiver.behave(() => gate.promise)
    const filling = rawPost(http, `${event(1999)}\n`)
    await eventually('it is at the receiver', () => assert.equal(receiver.requests.length, 1))
    await reached('memory', 0)
    const refused = await rawPost(http, '{}')
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1'])
    await reached('memory', 1)
    gate.resolve(200)
    assert.equal((await filling).status, 200)
    assert.equal((await rawPost(http, '{}')).status, 200)
  })
})
