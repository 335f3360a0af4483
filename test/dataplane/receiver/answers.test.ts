import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { startApplication } from '../../support/application.ts'
import { rawConnection, rawRequest, type RawRequestOptions } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'

const two = '{"a":1}\n{"b":2}\n'
const gzipped = gzipSync(two)
const parts = ['{"a":1}', '{"b":2}']

const limits = {
  ...defaults.receiverLimits,
  maxRequest: 10_000,
  maxDecompressed: 50_000,
  maxLine: 30_000,
}

/** A wrapped line is shown as its message behind a marker. */
function shown(line: string): string {
  const event = JSON.parse(line)
  return event.tags?.[0] === '_jsonparsefailure' ? `wrapped:${event.message}` : line
}

interface Case extends RawRequestOptions {
  title: string
  body?: string | Buffer
  /** In place of body and head. */
  raw?: string | Buffer
  status: number
  events?: string[]
  /** The connection closes after it; else it must serve another request. */
  closes?: boolean
  header?: [name: string, value: string | undefined]
}

const gzip = { 'content-encoding': 'gzip' }
const json = { 'content-type': 'application/json' }

const cases: Case[] = [
  { title: 'NDJSON', body: two, status: 200, events: parts },
  {
    title: 'a real output',
    body: gzipped,
    status: 200,
    events: parts,
    headers: {
      connection: 'Keep-Alive',
      'content-type': 'application/x-ndjson',
      ...gzip,
      'user-agent': 'Manticore 0.9.2',
      'accept-encoding': 'gzip,deflate',
    },
  },
  {
    title: 'HTTP/1.1 without Host',
    raw: `POST / HTTP/1.1\r\nContent-Length: ${two.length}\r\n\r\n${two}`,
    status: 200,
    events: parts,
  },
  {
    title: 'deflate',
    body: deflateSync(two),
    status: 200,
    events: parts,
    headers: { 'content-encoding': 'deflate' },
  },
  {
    title: 'raw deflate',
    body: deflateRawSync(two),
    status: 200,
    events: parts,
    headers: { 'content-encoding': 'deflate' },
  },
  {
    title: 'zstd',
    body: zstdCompressSync(two),
    status: 200,
    events: parts,
    headers: { 'content-encoding': 'zstd' },
  },
  {
    title: 'a chunked body',
    raw: `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\nb\r\n1}\n{"b":2}\n\r\n0\r\n\r\n`,
    status: 200,
    events: parts,
  },
  { title: 'CRLF', body: two.replaceAll('\n', '\r\n'), status: 200, events: parts },
  { title: 'no final newline', body: two.trimEnd(), status: 200, events: parts },
  { title: 'a JSON array', body: '[{"a":1},{"b":2}]', headers: json, status: 200, events: parts },
  {
    title: 'malformed lines among good ones',
    body: '{"a":1}\nbad\n42\n"str"\nnull\n{"b":2}\n',
    status: 200,
    events: ['{"a":1}', 'wrapped:bad', 'wrapped:42', 'wrapped:"str"', 'wrapped:null', '{"b":2}'],
  },
  { title: 'empty lines', body: '\n\n{"a":1}\n\r\n\n{"b":2}\n\n', status: 200, events: parts },
  {
    title: 'ISO-8859-1',
    body: Buffer.from('{"a":"\xe9"}\n', 'latin1'),
    headers: { 'content-type': 'application/x-ndjson; charset=ISO-8859-1' },
    status: 200,
    events: ['{"a":"é"}'],
  },
  { title: 'no gzip where it was announced', body: 'hello', headers: gzip, status: 400 },
  { title: 'truncated gzip', body: gzipped.subarray(0, -5), headers: gzip, status: 400 },
  {
    title: 'garbage after gzip',
    body: Buffer.concat([gzipped, Buffer.from('x')]),
    headers: gzip,
    status: 400,
  },
  {
    title: 'an unsupported encoding',
    body: two,
    headers: { 'content-encoding': 'br' },
    status: 415,
  },
  {
    title: 'an unknown charset',
    body: two,
    headers: { 'content-type': 'text/plain; charset=klingon' },
    status: 415,
  },
  {
    title: 'a form with files',
    body: two,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    status: 415,
  },
  { title: 'a malformed array', body: '[{"a":1},', headers: json, status: 400 },
  { title: 'an empty body', body: '', status: 200 },
  { title: 'an empty gzip body', body: '', headers: gzip, status: 200 },
  { title: 'any path', body: two, path: '/some/where?x=1', status: 200, events: parts },
  { title: 'method PUT', body: two, method: 'PUT', status: 200, events: parts },
  { title: 'GET as a probe', raw: 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', status: 200 },
  {
    title: 'HEAD as a probe',
    method: 'HEAD',
    raw: 'HEAD / HTTP/1.1\r\nhost: x\r\n\r\n',
    status: 200,
  },
  {
    title: 'GET with a body',
    body: two,
    method: 'GET',
    status: 405,
    header: ['allow', 'POST, PUT'],
  },
  {
    title: 'DELETE',
    body: '',
    method: 'DELETE',
    status: 405,
    header: ['allow', 'POST, PUT, GET, HEAD'],
  },
  {
    title: 'a Content-Length over the limit',
    body: 'x'.repeat(10_001),
    status: 413,
    header: ['content-length', '0'],
  },
  {
    title: 'a Content-Length of 10 GB',
    raw: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n',
    status: 413,
    closes: true,
  },
  {
    title: 'a chunked body over the limit',
    raw: `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3000\r\n${'x'.repeat(0x3000)}\r\n0\r\n\r\n`,
    status: 413,
    closes: true,
  },
  {
    title: 'gzip that inflates to too much',
    body: gzipSync('x'.repeat(50_001)),
    headers: gzip,
    status: 413,
    closes: true,
  },
  {
    title: 'short lines that are too much once wrapped',
    body: 'x\n'.repeat(2000),
    status: 413,
    closes: true,
  },
  { title: 'another Expect', body: '', headers: { expect: 'tea' }, status: 417 },
  {
    title: 'Connection: close',
    body: two,
    headers: { connection: 'close' },
    status: 200,
    events: parts,
    closes: true,
  },
  {
    title: 'HTTP/1.0',
    raw: `POST / HTTP/1.0\r\ncontent-length: ${two.length}\r\n\r\n${two}`,
    status: 200,
    events: parts,
    closes: true,
  },
  { title: 'no HTTP', raw: 'hello\r\n\r\n', status: 400, closes: true },
  {
    title: 'a TLS hello on a plain port',
    raw: Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 13, 10]),
    status: 400,
    closes: true,
  },
  {
    title: 'a header too large',
    raw: `POST / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    status: 431,
    closes: true,
  },
  {
    title: 'two lengths',
    raw: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    status: 400,
    closes: true,
  },
  {
    title: 'a length beside chunks',
    raw: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    status: 400,
    closes: true,
  },
  {
    title: 'a length that is no number',
    raw: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
    status: 400,
    closes: true,
  },
]

describe('answers of the receiver', () => {
  for (const {
    title,
    body = '',
    raw,
    status,
    events = [],
    closes = false,
    header,
    ...options
  } of cases) {
    it(`${title}: ${status}`, async (t) => {
      const application = await startApplication(t)
      const receiver = await startTestReceiver(t, {
        deliver: { type: 'http', url: application.url },
        limits,
      })
      const connection = await rawConnection(receiver.port)
      t.after(() => connection.end())
      connection.send(raw ?? rawRequest(body, options))
      const bodiless = options.method === 'HEAD'
      const answer = await connection.answer({ bodiless })
      assert.equal(answer.status, status)
      assert.match(answer.headers['content-length'] ?? '', /^\d+$/)
      if (status === 200) {
        assert.equal(answer.headers['content-type'], 'text/plain')
        assert.equal(answer.headers['accept'], 'application/x-ndjson')
        assert.equal(answer.headers['content-length'], '2')
        assert.equal(answer.body, bodiless ? '' : 'ok')
      }
      if (header !== undefined) assert.equal(answer.headers[header[0]], header[1])
      assert.deepEqual(application.taken.map(shown), events)
      if (closes) return connection.closed
      connection.send(rawRequest('{"next":1}'))
      assert.equal((await connection.answer()).status, 200)
      assert.equal(application.taken.at(-1), '{"next":1}')
    })
  }

  it('says 100 to who expects it, and refuses beforehand what it would refuse anyway', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const connection = await rawConnection(receiver.port)
    t.after(() => connection.end())
    connection.send(
      `POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: ${two.length}\r\n\r\n`,
    )
    assert.equal((await connection.answer()).status, 100)
    connection.send(two)
    assert.equal((await connection.answer()).status, 200)
    connection.send(
      'POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10001\r\n\r\n',
    )
    assert.equal((await connection.answer()).status, 413)
    await connection.closed
  })

  it('answers pipelined requests in order', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const connection = await rawConnection(receiver.port)
    t.after(() => connection.end())
    const bad = rawRequest('x', { headers: gzip })
    connection.send(Buffer.concat([rawRequest(two), bad, rawRequest(two)]))
    const statuses = []
    for (let i = 0; i < 3; i += 1) statuses.push((await connection.answer()).status)
    assert.deepEqual(statuses, [200, 400, 200])
    assert.equal(application.taken.length, 4)
  })

  it('takes nothing of a request that breaks off', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    const connection = await rawConnection(receiver.port)
    connection.send(rawRequest(two).subarray(0, -1))
    connection.end()
    await connection.closed
    const next = await rawConnection(receiver.port)
    t.after(() => next.end())
    next.send(rawRequest(two))
    assert.equal((await next.answer()).status, 200)
    assert.deepEqual(application.taken, parts)
    assert.equal(await receiver.metric('logstash_link_receiver_budget_used_bytes'), 0)
  })
})
