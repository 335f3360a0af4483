import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { startApplication } from '../../support/application.ts'
import { rawConnection, rawPost } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'

const two = '{"a":1}\n{"b":2}\n'
const statuses = [200, 400, 401, 405, 413, 415, 417, 429, 431, 503]

describe('foreign input', () => {
  it('in gzip cut anywhere is refused, and nothing of it is taken', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const body = gzipSync(two)
    const headers = { 'content-encoding': 'gzip' }
    for (let cut = 1; cut < body.length; cut += 1) {
      const answer = await rawPost(receiver.port, body.subarray(0, cut), { headers })
      assert.equal(answer.status, 400, `cut at ${cut}`)
    }
    assert.equal(application.bodies.length, 0)
  })

  it('in headers gets a clear answer, and the receiver serves on', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const value = fc.oneof(
      fc.constantFrom(
        'gzip',
        'br',
        '-1',
        '1e9',
        'chunked',
        'application/json',
        ';charset=',
        '100-continue',
        's:1-2',
        'Basic Og==',
        '',
      ),
      fc
        .string({ maxLength: 60, unit: 'binary-ascii' })
        .map((text) => text.replace(/[\r\n]/g, ' ')),
    )
    const name = fc.constantFrom(
      'content-type',
      'content-encoding',
      'expect',
      'x-logstash-link-batch',
      'authorization',
      'connection',
      'x',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 5 }), async (fields) => {
        const headers = Object.fromEntries(fields)
        const connection = await rawConnection(receiver.port)
        const head = Object.entries(headers).map(([key, text]) => `${key}: ${text}\r\n`)
        connection.send(
          `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${two.length}\r\n${head.join('')}\r\n${two}`,
        )
        let answer = await connection.answer()
        if (answer.status === 100) answer = await connection.answer()
        assert.ok(statuses.includes(answer.status), String(answer.status))
        connection.end()
      }),
      { numRuns: 200 },
    )
    assert.equal((await rawPost(receiver.port, two)).status, 200)
  })

  it('that is no HTTP ends its connection at most', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const connection = await rawConnection(receiver.port)
        connection.send(Buffer.from(bytes))
        connection.socket.end()
        await connection.closed
      }),
      { numRuns: 200 },
    )
    assert.equal((await rawPost(receiver.port, two)).status, 200)
    assert.equal(await receiver.metric('logstash_link_receiver_budget_used_bytes'), 0)
  })
})
