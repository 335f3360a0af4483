import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { defaults, type ReceiverSettings } from '../../../src/api/sidecar-config.ts'
import { startApplication, type ApplicationAnswer } from '../../support/application.ts'
import { testFolder } from '../../support/certificates.ts'
import { rawPost } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'
import { startRawServer } from '../../support/receivers.ts'

const batch = (...ids: (number | string)[]) => ids.map((id) => `{"id":${id}}\n`).join('')

/** Refuses every batch that holds an event with "bad". */
const refuseBad =
  (status: number) =>
  (lines: string[]): ApplicationAnswer => ({
    status: lines.some((l) => l.includes('bad')) ? status : 200,
  })

const head = (status: number) => `HTTP/1.1 ${status} OK\r\ncontent-length: 100\r\n\r\n`
const ends = (text: string) => (socket: Socket) => socket.end(text)

async function setUp(t: TestContext, changes: Partial<ReceiverSettings> = {}) {
  const application = await startApplication(t)
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t, {
    deliver: { type: 'http', url: application.url },
    deadLetter: { directory: folder.path('dead'), maxSize: 1 << 20 },
    ...changes,
  })
  const letters = () =>
    readFileSync(folder.path('dead/dead-letters.ndjson'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  return { application, receiver, letters }
}

describe('what the application refuses', () => {
  for (const status of [400, 413, 415, 422]) {
    it(`${status} for one event among others: it alone is dead-lettered`, async (t) => {
      const { application, receiver, letters } = await setUp(t)
      application.answer(refuseBad(status))
      const answer = await rawPost(receiver.port, batch(1, 2, '"bad"', 4, 5, 6, 7))
      assert.equal(answer.status, 200)
      assert.deepEqual(
        application.taken,
        [1, 2, 4, 5, 6, 7].map((id) => `{"id":${id}}`),
      )
      const [letter, ...more] = letters()
      assert.equal(more.length, 0)
      assert.deepEqual(letter.event, { id: 'bad' })
      assert.equal(letter.reason, `the application answered ${status}`)
      assert.equal(letter.host, application.url)
      assert.ok(!Number.isNaN(Date.parse(letter.time)))
      assert.equal(await receiver.metric('logstash_link_receiver_dead_letters_total'), 1)
    })
  }

  it('keeps everything when nothing passes, and does not split again at once', async (t) => {
    const { application, receiver } = await setUp(t)
    application.answer(() => ({ status: 400 }))
    assert.equal((await rawPost(receiver.port, batch(1, 2, 3))).status, 503)
    assert.equal(application.bodies.length, 5)
    assert.equal((await rawPost(receiver.port, batch(1, 2, 3))).status, 503)
    assert.equal(application.bodies.length, 6)
    assert.equal((await rawPost(receiver.port, batch(4))).status, 503)
    const { delivery } = receiver.status() as { delivery: { ok: boolean; problem: string } }
    assert.equal(delivery.ok, false)
    assert.match(delivery.problem, /answered 400, and takes nothing else/)
    application.answer(() => ({ status: 200 }))
    assert.equal((await rawPost(receiver.port, batch(1, 2, 3))).status, 200)
    assert.equal((receiver.status() as { delivery: { ok: boolean } }).delivery.ok, true)
  })

  it('takes a single event for poison once another batch has passed', async (t) => {
    const { application, receiver, letters } = await setUp(t)
    application.answer(refuseBad(422))
    assert.equal((await rawPost(receiver.port, batch('"bad"'))).status, 503)
    assert.equal((await rawPost(receiver.port, batch(1))).status, 200)
    assert.equal((await rawPost(receiver.port, batch('"bad"'))).status, 200)
    assert.equal(letters().length, 1)
  })

  it('delivers in order whatever it has to split', async (t) => {
    const { application, receiver, letters } = await setUp(t)
    application.answer(refuseBad(400))
    const ids = Array.from({ length: 100 }, (_, i) => (i % 7 === 0 ? `"bad${i}"` : i))
    assert.equal((await rawPost(receiver.port, batch(...ids))).status, 200)
    assert.deepEqual(
      application.taken,
      ids.filter((id) => typeof id === 'number').map((id) => `{"id":${id}}`),
    )
    assert.equal(letters().length, 15)
  })

  for (const status of [
    301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 408, 409, 410, 418, 431, 500, 501, 502, 503,
    504, 505,
  ]) {
    it(`${status} becomes 503`, async (t) => {
      const { application, receiver } = await setUp(t)
      application.answer(() => ({ status, headers: { location: '/elsewhere' } }))
      assert.equal((await rawPost(receiver.port, batch(1, 2))).status, 503)
      assert.equal(application.bodies.length, 1)
    })
  }

  for (const [given, told] of [
    [undefined, '1'],
    ['7', '7'],
    ['0', '1'],
    ['123456', '99999'],
    ['Fri, 01 Jan 2100 00:00:00 GMT', '99999'],
    ['Sun, 22 Nov 2020 09:00:00 GMT', '1'],
    ['soon', '1'],
    ['-5', '1'],
  ] as const) {
    it(`429 stays 429, with Retry-After ${told} for ${given ?? 'none'}`, async (t) => {
      const { application, receiver } = await setUp(t)
      const headers = given === undefined ? {} : { 'retry-after': given }
      application.answer(() => ({ status: 429, headers }))
      const answer = await rawPost(receiver.port, batch(1))
      assert.deepEqual([answer.status, answer.headers['retry-after']], [429, told])
      assert.equal(application.bodies.length, 1)
      application.answer(() => ({ status: 200 }))
      assert.equal((await rawPost(receiver.port, batch(1))).status, 200)
    })
  }

  // What an application does below HTTP, how often it is asked for one batch, and what its sender hears.
  for (const { what, does, asked, answer } of [
    { what: 'is reset', does: (socket: Socket) => socket.resetAndDestroy(), asked: 2, answer: 503 },
    { what: 'is closed', does: (socket: Socket) => socket.end(), asked: 2, answer: 503 },
    { what: 'ends in half a head', does: ends('HTTP/1.1 200 O'), asked: 2, answer: 503 },
    { what: 'ends before the head does', does: ends('HTTP/1.1 200 OK\r\n'), asked: 2, answer: 503 },
    { what: 'is no HTTP', does: ends('220 mail ESMTP\r\n\r\n'), asked: 1, answer: 503 },
    // Its status is there: what happens to the rest changes nothing.
    { what: 'ends in half a body', does: ends(`${head(200)}o`), asked: 1, answer: 200 },
    { what: 'ends in half a refusal', does: ends(`${head(500)}o`), asked: 1, answer: 503 },
    { what: 'has no length', does: ends('HTTP/1.1 200 OK\r\n\r\n'), asked: 1, answer: 200 },
    {
      what: 'is interim alone',
      does: ends('HTTP/1.1 102 Processing\r\n\r\n'),
      asked: 2,
      answer: 503,
    },
  ]) {
    it(`an answer that ${what} becomes ${answer}`, async (t) => {
      let requests = 0
      const raw = await startRawServer(t, (socket) => {
        socket.once('data', () => {
          requests += 1
          does(socket)
        })
      })
      const { receiver } = await setUp(t, {
        deliver: { type: 'http', url: `http://127.0.0.1:${raw.port}/` },
      })
      assert.equal((await rawPost(receiver.port, batch(1))).status, answer)
      assert.equal(requests, asked)
    })
  }

  it('an application that is not there becomes 503', async (t) => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const { receiver } = await setUp(t, {
      deliver: { type: 'http', url: `http://127.0.0.1:${port}/` },
    })
    assert.equal((await rawPost(receiver.port, batch(1))).status, 503)
  })

  it('a 2xx of any kind is a delivery', async (t) => {
    const { application, receiver } = await setUp(t)
    application.answer(() => ({ status: 204 }))
    assert.equal((await rawPost(receiver.port, batch(1))).status, 200)
    assert.equal(application.headers[0]?.['content-type'], 'application/x-ndjson')
  })
})

describe('events over the limit', () => {
  const limits = { ...defaults.receiverLimits, maxLine: 3000 }
  const long = JSON.stringify({ long: 'x'.repeat(5000) })

  it('are dead-lettered by their beginning, and the rest of the batch is taken', async (t) => {
    const { application, receiver, letters } = await setUp(t, { limits })
    assert.equal((await rawPost(receiver.port, `${batch(1)}${long}\n${batch(2)}`)).status, 200)
    assert.deepEqual(application.taken, ['{"id":1}', '{"id":2}'])
    const [letter] = letters()
    assert.equal(letter.event, long.slice(0, 1024))
    assert.equal(letter.length, long.length)
    assert.equal(letter.reason, 'longer than 3000 bytes')
  })

  it('are not dead-lettered while the rest cannot be delivered', async (t) => {
    const { application, receiver, letters } = await setUp(t, { limits })
    application.answer(() => ({ status: 500 }))
    assert.equal((await rawPost(receiver.port, `${batch(1)}${long}\n`)).status, 503)
    assert.throws(letters)
  })

  it('make the batch wait when they cannot be kept', async (t) => {
    const file = testFolder(t).write('file', 'no folder')
    const { receiver } = await setUp(t, {
      limits,
      deadLetter: { directory: `${file}/dead`, maxSize: 1 << 20 },
    })
    assert.equal((await rawPost(receiver.port, `${long}\n`)).status, 503)
  })

  it('are counted and gone where no folder is set', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'http', url: application.url },
      limits,
    })
    assert.equal((await rawPost(receiver.port, `${long}\n${batch(1)}`)).status, 200)
    assert.equal(await receiver.metric('logstash_link_receiver_dead_letters_dropped_total'), 1)
  })
})
