import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, it } from 'node:test'
import { startApplication } from '../../support/application.ts'
import { makeTestAuthority, testFolder, writeIdentity } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rawConnection, rawPost, rawRequest } from '../../support/raw-http.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'

const event = '{"a":1}\n'
const authority = await makeTestAuthority()

const connections = (receiver: TestReceiver) =>
  (receiver.status() as { connections: number }).connections

async function held(t: Parameters<typeof startApplication>[0]) {
  const application = await startApplication(t)
  const gate = Promise.withResolvers<{ status: number }>()
  application.answer(() => gate.promise)
  const deliver = { type: 'http' as const, url: application.url }
  return { application, deliver, open: () => gate.resolve({ status: 200 }) }
}

describe('garbage after a request that is under way', () => {
  it('ends the connection without an answer, which would be taken for that of the request', async (t) => {
    const { application, deliver, open } = await held(t)
    const receiver = await startTestReceiver(t, { deliver })
    const connection = await rawConnection(receiver.port)
    connection.send(rawRequest(event))
    await eventually('it is under way', () => assert.equal(application.bodies.length, 1))
    connection.send('no HTTP\r\n\r\n')
    await assert.rejects(connection.answer(), /closed without an answer: ""/)
    open()
    connection.send('')
    const fresh = await rawConnection(receiver.port)
    fresh.send('no HTTP\r\n\r\n')
    assert.equal((await fresh.answer()).status, 400)
  })
})

describe('a receiver that is told no address', () => {
  const loopbacks = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => internal)
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))

  it('takes events at every address of its pod, of IPv6 too', async (t) => {
    const application = await startApplication(t)
    const deliver = { type: 'http' as const, url: application.url }
    const { port } = await startTestReceiver(t, { deliver, host: '' })
    assert.ok(loopbacks.length > 0)
    for (const address of loopbacks) {
      const { status } = await fetch(`http://${address}:${port}/`, { method: 'POST', body: event })
      assert.equal(status, 200, address)
    }
    assert.equal(application.bodies.length, loopbacks.length)
  })
})

async function switched(t: Parameters<typeof startApplication>[0], retired?: number) {
  const { application, deliver, open } = await held(t)
  const files = writeIdentity(testFolder(t), authority, await authority.leaf())
  const timeouts = retired === undefined ? {} : { retired }
  const receiver = await startTestReceiver(t, { deliver }, { timeouts, grace: 200 })
  const idle = await rawConnection(receiver.port)
  const busy = await rawConnection(receiver.port)
  busy.send(rawRequest(event))
  await eventually('it is under way', () => assert.equal(application.bodies.length, 1))
  const { port } = receiver
  receiver.change({
    tls: {
      enabled: true,
      identity: { type: 'pem', cert: files.cert, key: files.key },
      clientAuthentication: 'None',
    },
  })
  await idle.closed
  await eventually('TLS is spoken', async () => assert.rejects(rawPost(port, event)))
  return { receiver, busy, open }
}

describe('connections of former terms', () => {
  it('end when idle, and else with the answer that is under way', async (t) => {
    const { receiver, busy, open } = await switched(t)
    assert.equal(connections(receiver), 1)
    open()
    const answer = await busy.answer()
    assert.deepEqual([answer.status, answer.headers['connection']], [200, 'close'])
    await busy.closed
    await eventually('none is left', () => assert.equal(connections(receiver), 0))
  })

  it('are ended after a grace', async (t) => {
    const { busy } = await switched(t, 100)
    await assert.rejects(busy.answer(), /closed without an answer/)
  })

  it('are ended when the receiver stops', async (t) => {
    const { receiver, busy } = await switched(t)
    assert.deepEqual(await receiver.stop(), { undelivered: 1 })
    await busy.closed
  })
})

describe('what a peer could hold open', { concurrency: true }, () => {
  const cases: [what: string, timeouts: object, bytes: string][] = [
    ['headers that do not end', { headers: 200, request: 400 }, 'POST / HTTP/1.1\r\nhost: x\r\n'],
    [
      'a body that takes too long, though it does not stall',
      { headers: 200, request: 400 },
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
    ],
  ]
  for (const [what, timeouts, bytes] of cases) {
    it(`${what}: closed without an answer`, async (t) => {
      const { deliver } = await held(t)
      const receiver = await startTestReceiver(t, { deliver }, { timeouts })
      const connection = await rawConnection(receiver.port)
      connection.send(bytes)
      await assert.rejects(connection.answer(), /closed without an answer: ""/)
    })
  }

  it('an idle connection: closed after its time', async (t) => {
    const { deliver, open } = await held(t)
    open()
    const receiver = await startTestReceiver(t, { deliver }, { timeouts: { keepAlive: 200 } })
    const connection = await rawConnection(receiver.port)
    connection.send(rawRequest(event))
    assert.equal((await connection.answer()).status, 200)
    await connection.closed
  })

  it('a handshake that does not come: closed after its time', async (t) => {
    const { deliver } = await held(t)
    const files = writeIdentity(testFolder(t), authority, await authority.leaf())
    const receiver = await startTestReceiver(
      t,
      {
        deliver,
        tls: {
          enabled: true,
          identity: { type: 'pem', cert: files.cert, key: files.key },
          clientAuthentication: 'None',
        },
      },
      { timeouts: { handshake: 200 } },
    )
    await (await rawConnection(receiver.port)).closed
  })
})
