import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { eventually } from '../../support/eventually.ts'
import { startRawServer, startTestReceiver } from '../../support/receivers.ts'
import { missingOf, sequenceOf, startTestSender } from '../../support/senders.ts'
import { testFolder } from '../../support/certificates.ts'

const small = { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 20 }

interface HostStatus {
  host: string
  state: string
  errors: number
  problem?: string
  sent: number
  waitMs: number
}

function hostsOf(sender: { status(): object }): HostStatus[] {
  return (sender.status() as { hosts: HostStatus[] }).hosts
}

function problemOf(sender: { status(): object }): string | undefined {
  return (sender.status() as { problem?: string }).problem
}

// Every class of answers: the other host gets everything at once, and the status says what is wrong at this one.
const answers: { status: number; fault: boolean }[] = [
  ...[401, 403, 404, 405, 408, 418, 301, 302, 303, 307, 501].map((status) => ({
    status,
    fault: true,
  })),
  ...[500, 502, 503, 504].map((status) => ({ status, fault: false })),
]

for (const { status, fault } of answers) {
  test(`a host that answers ${status} gets no blame on events: another host takes them all`, async (t) => {
    const bad = await startTestReceiver(t, {
      behaviour: (_taken, response) => {
        response.writeHead(status, { Location: '/elsewhere', 'Content-Length': 0 }).end()
        return undefined
      },
    })
    const good = await startTestReceiver(t)
    const sender = await startTestSender(t, [bad.port, good.port], { batch: small })
    sender.write(0, 100)
    sender.input.end()
    await sender.drained
    assert.deepEqual(missingOf(good.accepted, 100), [])
    assert.equal(good.accepted.length, 100, 'no duplicates')
    assert.ok(bad.requests.every(({ url, method }) => url === '/' && method === 'POST'))
    const [host] = hostsOf(sender)
    assert.match(String(host?.problem), new RegExp(`^answers ${status}`))
    if (fault) assert.match(String(problemOf(sender)), new RegExp(`answers ${status}`))
    else assert.equal(problemOf(sender), undefined)
  })
}

test('429 is no error: the batch goes elsewhere, the host rests for Retry-After', async (t) => {
  const full = await startTestReceiver(t, {
    behaviour: (_taken, response) => {
      response.writeHead(429, { 'Retry-After': '2', 'Content-Length': 0 }).end()
      return undefined
    },
  })
  const good = await startTestReceiver(t)
  const sender = await startTestSender(t, [full.port, good.port], { batch: small })
  sender.write(0, 200)
  sender.input.end()
  await sender.drained
  assert.equal(good.accepted.length, 200)
  assert.ok(full.requests.length <= 4, `${full.requests.length} requests to a paused host`)
  const [host] = hostsOf(sender)
  assert.deepEqual([host?.errors, host?.state], [0, 'paused'])
})

// How long a host rests after 429, in ms: its word, kept between 0.1 s and 5 minutes, and 1 s without one.
for (const [retryAfter, least, most] of [
  [undefined, 500, 1_000],
  ['2', 1_500, 2_000],
  ['0', 0, 100],
  ['1e3', 500, 1_000],
  ['7200', 299_000, 300_000],
  ['Fri, 01 Jan 2100 00:00:00 GMT', 299_000, 300_000],
  ['Sun, 22 Nov 2020 10:00:00 GMT', 0, 100],
] as const) {
  test(`429 with Retry-After ${retryAfter ?? 'left out'} is a pause of ${least} to ${most} ms`, async (t) => {
    const full = await startTestReceiver(t, {
      behaviour: (_taken, response) => {
        const headers = retryAfter === undefined ? {} : { 'Retry-After': retryAfter }
        response.writeHead(429, { ...headers, 'Content-Length': 0 }).end()
        return undefined
      },
    })
    const sender = await startTestSender(t, [full.port], { batch: small })
    sender.write(0, 5)
    await eventually('it was told to wait', () => assert.ok(full.requests.length > 0))
    if (least > 0) {
      await eventually('it is paused', () => assert.equal(hostsOf(sender)[0]?.state, 'paused'))
      const { waitMs = 0, errors } = hostsOf(sender)[0] ?? {}
      assert.ok(waitMs > least && waitMs <= most, `${waitMs} ms`)
      assert.equal(errors, 0)
    }
    full.behave(() => 200)
    if (most > 5_000) return
    sender.input.end()
    await sender.drained
    assert.equal(full.accepted.length, 5, 'no duplicates')
  })
}

// What a foreign receiver does below HTTP, and whether it counts as an answer.
for (const { what, text, delivered } of [
  { what: 'half a head', text: 'HTTP/1.1 200 O', delivered: false },
  {
    what: 'a head without its end',
    text: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n',
    delivered: false,
  },
  { what: 'nothing', text: '', delivered: false },
  { what: 'an interim answer alone', text: 'HTTP/1.1 102 Processing\r\n\r\n', delivered: false },
  { what: 'half a body', text: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\no', delivered: true },
  { what: 'no length', text: 'HTTP/1.1 200 OK\r\n\r\n', delivered: true },
]) {
  test(`a connection that ends after ${what} ${delivered ? 'was an answer' : 'was none'}`, async (t) => {
    let asked = 0
    const raw = await startRawServer(t, (socket) => {
      socket.once('data', () => {
        asked += 1
        socket.end(asked <= 2 ? text : 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
    })
    const sender = await startTestSender(t, [raw.port], { batch: small })
    sender.write(0, 5)
    sender.input.end()
    await sender.drained
    // Once more at once, and again after a pause.
    assert.equal(asked, delivered ? 1 : 3)
    assert.equal(hostsOf(sender)[0]?.errors, delivered ? 0 : 2)
  })
}

test('429 without headers and a closed connection, as the real input does it, is 429', async (t) => {
  let refusals = 0
  const raw = await startRawServer(t, (socket, number) => {
    let seen = ''
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1')
      const head = seen.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(seen)?.[1])
      if (head === -1 || seen.length < head + 4 + length) return
      seen = ''
      if (number <= 2) {
        refusals += 1
        socket.end('HTTP/1.1 429 Too Many Requests\r\n\r\n')
      } else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
  })
  const sender = await startTestSender(t, [raw.port], { batch: small })
  sender.write(0, 5)
  sender.input.end()
  await sender.drained
  assert.ok(refusals >= 1)
  assert.equal(hostsOf(sender)[0]?.errors, 0)
})

test('after a reset without an answer the same host is asked once more within a second', async (t) => {
  let asked = 0
  const behaviour: Parameters<Awaited<ReturnType<typeof startTestReceiver>>['behave']>[0] = (
    _taken,
    response,
  ) => {
    asked += 1
    if (asked > 1) return 200
    response.socket?.resetAndDestroy()
    return undefined
  }
  const receivers = [
    await startTestReceiver(t, { behaviour }),
    await startTestReceiver(t, { behaviour }),
  ]
  const ports = receivers.map(({ port }) => port)
  const sender = await startTestSender(t, ports, { batch: small })
  sender.write(0, 5)
  sender.input.end()
  await sender.drained
  const [requests = [], others = []] = receivers
    .map((receiver) => receiver.requests)
    .toSorted((a, b) => b.length - a.length)
  const [first, second] = requests
  assert.ok(first && second && second.at - first.at < 1000)
  assert.equal(
    first.headers['x-logstash-link-batch'],
    second.headers['x-logstash-link-batch'],
    'the key tells the receiver that it is the same batch',
  )
  assert.equal(others.length, 0)
})

test('a reset on an idle connection that was used before is no host error', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [receiver.port], { batch: small })
  for (let round = 0; round < 3; round += 1) {
    sender.write(round, round + 1)
    await eventually('it is delivered', () => assert.equal(receiver.accepted.length, round + 1))
    const sockets = receiver.connections()
    // The next request finds the connection dead only when it is sent.
    receiver.behave((_taken, response, request) => {
      if (receiver.connections() > sockets) return 200
      request.socket.resetAndDestroy()
      response.destroy()
      return undefined
    })
  }
  assert.equal(hostsOf(sender)[0]?.problem, undefined)
  assert.equal(hostsOf(sender)[0]?.state, 'well')
})

test('garbage in place of an answer is the host’s fault', async (t) => {
  const raw = await startRawServer(t, (socket) =>
    socket.on('data', () => socket.end('hello\r\n\r\n')),
  )
  const good = await startTestReceiver(t)
  const sender = await startTestSender(t, [raw.port, good.port], { batch: small })
  sender.write(0, 50)
  sender.input.end()
  await sender.drained
  assert.equal(good.accepted.length, 50)
  assert.match(String(problemOf(sender)), /HPE_|Parse Error/)
})

test('a host that nobody listens at costs nothing', async (t) => {
  const gone = await startTestReceiver(t)
  await gone.close()
  const good = await startTestReceiver(t)
  const sender = await startTestSender(t, [gone.port, good.port], { batch: small })
  const began = performance.now()
  sender.write(0, 100)
  sender.input.end()
  await sender.drained
  assert.equal(good.accepted.length, 100)
  assert.ok(performance.now() - began < 1000)
})

test('a single event that a foreign receiver refuses goes to the dead letters, the rest is delivered', async (t) => {
  const folder = testFolder(t)
  for (const status of [400, 413, 415, 422]) {
    const receiver = await startTestReceiver(t, {
      behaviour: ({ lines }) => (lines.some((line) => line.includes('"poison"')) ? status : 200),
    })
    const directory = folder.path(String(status))
    const sender = await startTestSender(t, [receiver.port], {
      batch: { ...small, maxEvents: 100 },
      deadLetter: { directory, maxSize: 2 ** 20 },
    })
    sender.write(0, 250)
    sender.input.write('{"poison":1}\n')
    sender.write(250, 500)
    sender.input.end('{"poison":2}\n')
    await sender.drained
    assert.deepEqual(missingOf(receiver.accepted, 500), [])
    assert.equal(receiver.accepted.length, 500, 'each exactly once')
    const letters = readFileSync(`${directory}/dead-letters.ndjson`, 'utf8').trim().split('\n')
    const kept = letters.map((line) => JSON.parse(line) as { event: object; reason: string })
    assert.deepEqual(
      kept
        .map(({ event }) => event)
        .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      [{ poison: 1 }, { poison: 2 }],
    )
    assert.match(String(kept[0]?.reason), new RegExp(String(status)))
    assert.match(await sender.metric('logstash_link_sender_events_total'), /"dead_lettered"\} 2/)
    assert.deepEqual(await sender.stop({ graceMs: 1000 }), { remaining: 0 })
  }
})

test('a receiver with a limit on events gets parts that fit', async (t) => {
  const receiver = await startTestReceiver(t, {
    behaviour: ({ lines }) => (lines.length > 30 ? 413 : 200),
  })
  const folder = testFolder(t)
  const sender = await startTestSender(t, [receiver.port], {
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.write(0, 1000)
  sender.input.end()
  await sender.drained
  assert.deepEqual(
    sequenceOf(receiver.accepted).toSorted((a, b) => a - b),
    [...Array(1000).keys()],
  )
})

test('a refuser that takes nothing is itself at fault: nothing is dead-lettered, all goes elsewhere', async (t) => {
  const refuser = await startTestReceiver(t, { behaviour: () => 400 })
  const good = await startTestReceiver(t)
  const folder = testFolder(t)
  const sender = await startTestSender(t, [refuser.port, good.port], {
    batch: small,
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.write(0, 300)
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(good.accepted, 300), [])
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"dead_lettered"\} 0/)
  assert.match(String(problemOf(sender)), /answers 400/)
})

test('a lone refuser that takes nothing keeps everything, and once it takes events all arrive', async (t) => {
  const refuser = await startTestReceiver(t, { behaviour: () => 400 })
  const folder = testFolder(t)
  const sender = await startTestSender(t, [refuser.port], {
    batch: small,
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.write(0, 40)
  await eventually('it was asked several times', () => assert.ok(refuser.requests.length > 20))
  await eventually('the status says so', () =>
    assert.match(String(problemOf(sender)), /^No host takes events: .* answers 400/),
  )
  refuser.behave(() => 200)
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(refuser.accepted, 40), [])
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"dead_lettered"\} 0/)
})

test('a host that suddenly refuses everything, in the midst of well taken batches, keeps everything', async (t) => {
  const receiver = await startTestReceiver(t)
  const folder = testFolder(t)
  const sender = await startTestSender(t, [receiver.port], {
    batch: small,
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.write(0, 100)
  await eventually('all are taken', () => assert.equal(receiver.accepted.length, 100))
  receiver.behave(() => 400)
  sender.write(100, 200)
  await eventually('it was asked several times', () => assert.ok(receiver.requests.length > 60))
  await eventually('the status says so', () =>
    assert.match(String(problemOf(sender)), /^No host takes events: .* answers 400/),
  )
  receiver.behave(() => 200)
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(receiver.accepted, 200), [])
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"dead_lettered"\} 0/)
})

test('one bad event that came first does not hold up the others', async (t) => {
  const receiver = await startTestReceiver(t, {
    behaviour: ({ lines }) => (lines.some((line) => line.includes('poison')) ? 422 : 200),
  })
  const folder = testFolder(t)
  const sender = await startTestSender(t, [receiver.port], {
    batch: small,
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
  })
  sender.input.write('{"poison":1}\n')
  await eventually('it was refused', () => assert.ok(receiver.requests.length >= 1))
  sender.write(0, 5)
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 5)
  assert.match(await sender.metric('logstash_link_sender_events_total'), /"dead_lettered"\} 1/)
})

test('without a dead-letter folder a poison event is kept, and stop says that it remains', async (t) => {
  const receiver = await startTestReceiver(t, {
    behaviour: ({ lines }) => (lines.some((line) => line.includes('poison')) ? 422 : 200),
  })
  const sender = await startTestSender(t, [receiver.port], { batch: small })
  sender.write(0, 20)
  await eventually('the good ones arrive', () => assert.equal(receiver.accepted.length, 20))
  sender.input.end('{"poison":1}\n')
  await eventually('it was refused', () => assert.match(String(problemOf(sender)), /1 event/))
  assert.deepEqual(await sender.stop({ graceMs: 100 }), { remaining: 1 })
})

test('what a server that hangs has goes to another one after a second, and what follows at once', async (t) => {
  const hanging = await startRawServer(t, (socket) => socket.resume())
  const good = await startTestReceiver(t)
  const timeouts = { ...defaultTimeouts, response: 3_000 }
  const sender = await startTestSender(t, [hanging.port, good.port], { batch: small }, { timeouts })
  const began = performance.now()
  sender.write(0, 500)
  await eventually('all but what hangs arrives at once', () =>
    assert.ok(good.accepted.length >= 460, String(good.accepted.length)),
  )
  assert.ok(performance.now() - began < 1500)
  sender.input.end()
  await sender.drained
  const took = performance.now() - began
  assert.ok(took > 950 && took < 2_500, `${took} ms`)
  assert.deepEqual(missingOf(good.accepted, 500), [])
})

test('an answer that never ends counts as soon as its status is there', async (t) => {
  const raw = await startRawServer(t, (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok'))
  })
  const sender = await startTestSender(t, [raw.port], { batch: small })
  const began = performance.now()
  sender.write(0, 3)
  sender.input.end()
  await sender.drained
  assert.ok(performance.now() - began < 3000)
})
