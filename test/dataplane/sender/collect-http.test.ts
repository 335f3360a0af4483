import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { defaults, type SenderSettings } from '../../../src/api/sidecar-config.ts'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { startTestSender, type TestSender } from '../../support/senders.ts'

const collect = { collect: { stdin: false, http: { port: 0 } } } satisfies Partial<SenderSettings>

interface Answer {
  status: number | undefined
  headers: http.IncomingHttpHeaders
  body: string
}

async function post(
  sender: TestSender,
  body: string | Buffer,
  headers: http.OutgoingHttpHeaders = {},
  method = 'POST',
): Promise<Answer> {
  const request = http.request({
    host: '127.0.0.1',
    port: sender.ports.http,
    method,
    headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
    agent: false,
  })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, headers: response.headers, body: text }
}

const json = { 'Content-Type': 'application/json' }
const pretty = '{\n  "a": 1,\n  "b": {\n    "c": [1, 2]\n  }\n}\n'

const bodies: {
  what: string
  body: string | Buffer
  headers?: object
  lines: (string | RegExp)[]
}[] = [
  { what: 'NDJSON', body: '{"a":1}\n{"a":2}\n', lines: ['{"a":1}', '{"a":2}'] },
  {
    what: 'NDJSON without final newline and with CRLF',
    body: '{"a":1}\r\n{"a":2}',
    lines: [/^\{"a":1\}\r?$/, '{"a":2}'],
  },
  { what: 'a JSON array', body: '[{"a":1}, {"a":2}]', lines: ['{"a":1}', '{"a":2}'] },
  { what: 'a JSON array with its type', body: '[\n{"a":1}\n]', headers: json, lines: ['{"a":1}'] },
  {
    what: 'one pretty-printed object',
    body: pretty,
    headers: json,
    lines: [pretty.trim().replaceAll('\n', ' ')],
  },
  { what: 'plain text', body: 'hello\n', lines: [/^\{"message":"hello","@timestamp":".*"\}$/] },
  {
    what: 'gzip',
    body: gzipSync('{"a":1}\n'),
    headers: { 'Content-Encoding': 'gzip' },
    lines: ['{"a":1}'],
  },
  { what: 'nothing', body: '', lines: [] },
]

test('collect.http takes every form of events and answers 200 after delivery', async (t) => {
  for (const { what, body, headers, lines } of bodies) {
    const receiver = await startTestReceiver(t)
    const sender = await startTestSender(t, [receiver.port], collect)
    const answer = await post(sender, body, { ...headers })
    assert.deepEqual([answer.status, answer.body], [200, 'ok'], what)
    assert.equal(receiver.accepted.length, lines.length, what)
    for (const [i, line] of lines.entries()) {
      if (typeof line === 'string') assert.equal(receiver.accepted[i], line, what)
      else assert.match(String(receiver.accepted[i]), line, what)
    }
  }
})

test('collect.http refuses what can never succeed and takes nothing of it', async (t) => {
  const receiver = await startTestReceiver(t)
  const limits = { ...defaults.senderLimits, maxRequest: 10_000, maxLine: 1000 }
  const sender = await startTestSender(t, [receiver.port], { ...collect, limits })
  const gzip = { 'Content-Encoding': 'gzip' }
  const cases: [string, Promise<Answer>, number][] = [
    ['a broken array', post(sender, '[{"a":1}', json), 400],
    ['broken gzip', post(sender, Buffer.from('no gzip'), gzip), 400],
    ['truncated gzip', post(sender, gzipSync('{"a":1}\n'.repeat(99)).subarray(0, 20), gzip), 400],
    ['too large', post(sender, '{"a":1}\n'.repeat(2000)), 413],
    ['too large inflated', post(sender, gzipSync('{"a":1}\n'.repeat(2000)), gzip), 413],
    ['a line over the limit, nowhere to keep it', post(sender, 'x'.repeat(1001)), 413],
    ['an unknown encoding', post(sender, 'x', { 'Content-Encoding': 'br' }), 415],
    ['an unknown charset', post(sender, 'x', { 'Content-Type': 'text/plain; charset=nix' }), 415],
    ['GET', post(sender, '', {}, 'GET'), 405],
    ['HEAD', post(sender, '', {}, 'HEAD'), 405],
    ['DELETE', post(sender, '', {}, 'DELETE'), 405],
  ]
  for (const [what, answer, status] of cases) assert.equal((await answer).status, status, what)
  assert.equal(receiver.requests.length, 0)
  const method = await post(sender, '', {}, 'GET')
  assert.equal(method.headers.allow, 'POST, PUT')
})

test('200 waits until every event of the request is delivered, over several batches', async (t) => {
  const release = Promise.withResolvers<number>()
  const receiver = await startTestReceiver(t, {
    behaviour: ({ lines }) => (lines.includes('{"a":24}') ? release.promise : 200),
  })
  const sender = await startTestSender(t, [receiver.port], {
    ...collect,
    batch: { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 10 },
  })
  const body = Array.from({ length: 25 }, (_, i) => `{"a":${i}}\n`).join('')
  let answered = false
  const answer = post(sender, body).then((each) => {
    answered = true
    return each
  })
  await eventually('the first batches are delivered', () =>
    assert.equal(receiver.accepted.length, 20),
  )
  assert.equal(answered, false)
  release.resolve(200)
  assert.equal((await answer).status, 200)
  assert.equal(receiver.accepted.length, 25)
})

test('a full queue answers 429 after 1 s with Retry-After, and takes events again later', async (t) => {
  const release = Promise.withResolvers<number>()
  const receiver = await startTestReceiver(t, { behaviour: () => release.promise })
  const sender = await startTestSender(t, [receiver.port], {
    ...collect,
    queue: { type: 'Memory', maxSize: 1000, onFull: 'Block' },
  })
  const event = `{"a":"${'x'.repeat(592)}"}\n`
  const first = post(sender, event)
  await eventually('it is on its way', () => assert.equal(receiver.requests.length, 1))
  const began = performance.now()
  const second = await post(sender, event)
  const took = performance.now() - began
  assert.equal(second.status, 429)
  assert.equal(second.headers['retry-after'], '1')
  assert.ok(took > 950 && took < 1500, `${took} ms`)
  release.resolve(200)
  assert.equal((await first).status, 200)
  assert.equal((await post(sender, event)).status, 200)
})

test('what a full queue drops by DropOldest is not answered with 200', async (t) => {
  const release = Promise.withResolvers<number>()
  let answer: number | Promise<number> = 200
  const receiver = await startTestReceiver(t, { behaviour: () => answer })
  const sender = await startTestSender(t, [receiver.port], {
    ...collect,
    queue: { type: 'Memory', maxSize: 1000, onFull: 'DropOldest' },
    batch: { maxEvents: 1, maxBytes: 2 ** 20, maxWait: 0 },
  })
  // A host gets several batches at once only after it took one.
  assert.equal((await post(sender, eventOf(100))).status, 200)
  answer = release.promise
  const inFlight = Array.from({ length: 4 }, () => post(sender, eventOf(100)))
  await eventually('they are on their way', () => assert.equal(receiver.requests.length, 5))
  const oldest = post(sender, eventOf(500))
  await eventually('it waits', async () =>
    assert.match(await sender.metric('logstash_link_sender_queue_events'), / 5$/m),
  )
  const newest = post(sender, eventOf(500))
  assert.equal((await oldest).status, 503)
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"dropped"\} 1/)
  release.resolve(200)
  assert.equal((await newest).status, 200)
  for (const each of inFlight) assert.equal((await each).status, 200)
})

test('time-outs nest as the design says', () => {
  assert.deepEqual(defaultTimeouts, {
    connect: 3_000,
    response: 10_000,
    room: 1_000,
    delivery: 25_000,
    connectionAge: 600_000,
  })
})

test('not delivered in time is 503, and what was not sent is withdrawn', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => 503 })
  const timeouts = { ...defaultTimeouts, delivery: 4_000 }
  const sender = await startTestSender(t, [receiver.port], collect, { timeouts })
  const began = performance.now()
  const answer = await post(sender, '{"a":1}\n')
  const took = performance.now() - began
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['retry-after'], '1')
  assert.ok(took > 3_900 && took < 5_000, `${took} ms`)
  const asked = receiver.requests.length
  assert.ok(asked <= 4 + 4, `${asked} requests in 4 s to one that is out`)
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"withdrawn"\} 1/)
  assert.deepEqual(await sender.stop({ graceMs: 0 }), { remaining: 0 })
})

test('stop answers what was delivered with 200 and the rest with 503', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => 503 })
  const sender = await startTestSender(t, [receiver.port], collect)
  const answer = post(sender, '{"a":1}\n')
  await eventually('it was tried', () => assert.ok(receiver.requests.length > 0))
  assert.deepEqual(await sender.stop({ graceMs: 300 }), { remaining: 1 })
  assert.equal((await answer).status, 503)
})

test('an application that goes away in the middle of its request leaves nothing behind', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], collect)
  const socket = net.connect(sender.ports.http ?? 0, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"a":1}\n')
  await eventually('its bytes are held', async () =>
    assert.match(await sender.metric('logstash_link_sender_held_bytes'), / 8$/m),
  )
  socket.destroy()
  await eventually('they are given back', async () =>
    assert.match(await sender.metric('logstash_link_sender_held_bytes'), / 0$/m),
  )
  assert.equal(receiver.requests.length, 0)
})

test('Kubernetes facts are spliced into each event, and its own key stays the last', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], {
    ...collect,
    decorate: 'Kubernetes',
    pod: { namespace: 'shop', name: 'web-1', node: 'node-1' },
  })
  await post(sender, '{"a":1}\n{}\n{ }\n {"kubernetes":"own"}\nplain\n')
  const kubernetes = { namespace: 'shop', pod: 'web-1', node: 'node-1' }
  const parsed = receiver.accepted.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(parsed.slice(0, 4), [
    { kubernetes, a: 1 },
    { kubernetes },
    { kubernetes },
    { kubernetes: 'own' },
  ])
  assert.equal(parsed[4]?.['message'], 'plain')
})

test('a port that is taken is told with its purpose', async (t) => {
  const receiver = await startTestReceiver(t)
  await assert.rejects(
    startTestSender(t, [], { collect: { stdin: false, http: { port: receiver.port } } }),
    { code: 'LSL_LISTEN_FAILED' },
  )
})

/** An event of so many bytes, its newline included. */
function eventOf(size: number): string {
  return `{"a":"${'x'.repeat(size - 9)}"}\n`
}
