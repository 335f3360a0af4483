import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'
import { startProxy, type Proxy } from './proxy.ts'

const host = '127.0.0.1'

interface Scene {
  proxy: Proxy
  /** What came to the server, of all connections. */
  received: () => string
  /** What came back to the client. */
  answered: () => string
  client: Socket
  reset: Promise<unknown>
}

/** A server that answers `ok` to each chunk, behind a proxy, and a client that is connected to it. */
async function scene(t: TestContext): Promise<Scene> {
  let received = ''
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString()
      socket.write('ok')
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const [port = 0] = await freePorts(1)
  const target = { host, port: (server.address() as AddressInfo).port }
  const proxy = await startProxy({ address: host, port, target })
  const client = connect({ host, port })
  t.after(async () => {
    client.destroy()
    await proxy.close()
    server.close()
  })
  let answered = ''
  client.on('data', (chunk: Buffer) => (answered += chunk.toString()))
  const reset = new Promise((resolve) => client.once('error', resolve))
  await once(client, 'connect')
  client.write('first')
  await eventually('the connection works', () => assert.equal(answered, 'ok'))
  return { proxy, received: () => received, answered: () => answered, client, reset }
}

test('in fair weather bytes pass both ways', async (t) => {
  const { received, answered } = await scene(t)
  assert.deepEqual([received(), answered()], ['first', 'ok'])
})

test('a stall holds bytes back and lets them go on', async (t) => {
  const { proxy, client, received } = await scene(t)
  proxy.weather({ kind: 'stall' })
  client.write(' second')
  // Another connection shows that time has passed for the proxy.
  const other = connect({ host, port: proxy.port })
  await once(other, 'connect')
  other.destroy()
  assert.equal(received(), 'first')
  proxy.weather({ kind: 'fair' })
  await eventually('the bytes come', () => assert.equal(received(), 'first second'))
})

test('what is swallowed never comes, and its connection is reset in the end', async (t) => {
  const { proxy, client, received, reset } = await scene(t)
  proxy.weather({ kind: 'swallow' })
  await new Promise<void>((resolve) => client.write(' second', () => resolve()))
  proxy.weather({ kind: 'fair' })
  await reset
  assert.equal(received(), 'first')
})

test('a body is cut after so many bytes', async (t) => {
  const { proxy, client, received, reset } = await scene(t)
  proxy.weather({ kind: 'cut', afterBytes: 4 })
  client.write(' second')
  await reset
  await eventually('a part came', () => assert.ok('first sec'.startsWith(received())))
})

test('an answer is lost though its request came', async (t) => {
  const { proxy, client, received, answered, reset } = await scene(t)
  proxy.weather({ kind: 'lose-answers' })
  client.write(' second')
  await reset
  assert.deepEqual([received(), answered()], ['first second', 'ok'])
})

test('connections are refused while those that are open stay', async (t) => {
  const { proxy, client, answered } = await scene(t)
  proxy.weather({ kind: 'refuse' })
  const other = connect({ host, port: proxy.port })
  await assert.rejects(once(other, 'data'))
  client.write(' second')
  await eventually('the open one works', () => assert.equal(answered(), 'okok'))
})

test('a throttled connection is slow and loses nothing', async (t) => {
  const { proxy, client, received } = await scene(t)
  proxy.weather({ kind: 'throttle', bytesPerSecond: 500_000 })
  const body = 'x'.repeat(200_000)
  const began = performance.now()
  client.write(body)
  await eventually('all comes', () => assert.equal(received().length, 5 + body.length))
  assert.ok(performance.now() - began > 100)
})

test('all connections are reset at a word', async (t) => {
  const { proxy, reset } = await scene(t)
  proxy.resetAll()
  await reset
})
