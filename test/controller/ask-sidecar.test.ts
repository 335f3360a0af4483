import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import type { TestContext } from 'node:test'
import { askSidecar } from '../../src/controller/ask-sidecar.ts'
import { LogstashLinkError } from '../../src/errors.ts'

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

test('takes of an answer what is expected, and nothing else', async (t) => {
  const port = await serve(t, (request, response) => {
    assert.equal(request.url, '/status')
    response.end(JSON.stringify({ problem: 'p'.repeat(1000), oldestEventAge: 5, more: [1] }))
  })
  assert.deepEqual(await askSidecar('127.0.0.1', port), {
    problem: 'p'.repeat(512),
    oldestEventAge: 5,
  })
})

const bad: [string, RequestListener][] = [
  ['an answer that is no JSON', (_, response) => void response.end('hello')],
  ['another status', (_, response) => void response.writeHead(404).end('{}')],
  ['an answer without end', (_, response) => void response.write(Buffer.alloc(200_000, 32))],
  ['no answer within 2 s', () => undefined],
  [
    'a cut answer',
    (_, response) =>
      void response.writeHead(200, { 'content-length': '9' }).end('{}', () => response.destroy()),
  ],
]
for (const [name, listener] of bad) {
  test(`${name} counts as not reachable`, async (t) => {
    const port = await serve(t, listener)
    await assert.rejects(
      askSidecar('127.0.0.1', port),
      (error) => error instanceof LogstashLinkError && error.code === 'LSL_SIDECAR_UNREACHABLE',
    )
  })
}
