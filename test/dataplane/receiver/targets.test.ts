import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPost } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'

/** A server of lines that keeps what came over all its connections. */
function lineServer(t: TestContext): { server: Server; received: () => string; sockets: Socket[] } {
  let text = ''
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('error', () => undefined)
  })
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { server, received: () => text, sockets }
}

describe('delivering by tcp', () => {
  it('hands lines over one connection', async (t) => {
    const { server, received, sockets } = lineServer(t)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'tcp', host: '127.0.0.1', port },
    })
    assert.equal((await rawPost(receiver.port, '{"a":1}\n')).status, 200)
    assert.equal((await rawPost(receiver.port, '{"a":2}\n')).status, 200)
    await eventually('both came', () => assert.equal(received(), '{"a":1}\n{"a":2}\n'))
    assert.equal(sockets.length, 1)
  })

  it('connects again when the application closed, and says 503 while it is away', async (t) => {
    const { server, received, sockets } = lineServer(t)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'tcp', host: '127.0.0.1', port },
    })
    assert.equal((await rawPost(receiver.port, '{"a":1}\n')).status, 200)
    await eventually('it came', () => assert.equal(received(), '{"a":1}\n'))
    server.close()
    for (const socket of sockets) socket.destroy()
    await eventually('the end is noticed', async () =>
      assert.equal((await rawPost(receiver.port, '{"a":2}\n')).status, 503),
    )
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    assert.equal((await rawPost(receiver.port, '{"a":3}\n')).status, 200)
    await eventually('it came', () => assert.match(received(), /\{"a":3\}\n$/))
  })
})

describe('delivering to a unix socket', () => {
  it('hands lines over, once the socket is there', async (t) => {
    const path = testFolder(t).path('in.sock')
    const receiver = await startTestReceiver(t, { deliver: { type: 'unix', path } })
    assert.equal((await rawPost(receiver.port, '{"a":1}\n')).status, 503)
    const { server, received } = lineServer(t)
    server.listen(path)
    await once(server, 'listening')
    assert.equal((await rawPost(receiver.port, '{"a":1}\n')).status, 200)
    await eventually('it came', () => assert.equal(received(), '{"a":1}\n'))
  })
})

describe('delivering to a file', () => {
  for (const fsync of [false, true]) {
    it(`appends, fsync ${fsync}`, async (t) => {
      const path = testFolder(t).path('out.ndjson')
      const receiver = await startTestReceiver(t, { deliver: { type: 'file', path, fsync } })
      const answers = await Promise.all(
        [1, 2, 3].map((n) => rawPost(receiver.port, `{"a":${n}}\n{"b":${n}}\n`)),
      )
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200],
      )
      const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
      assert.equal(lines.length, 6)
      assert.equal(
        lines.every((line) => typeof JSON.parse(line) === 'object'),
        true,
      )
    })
  }

  it('follows a file that was moved away, and one that was cut', async (t) => {
    const folder = testFolder(t)
    const path = folder.path('out.ndjson')
    const receiver = await startTestReceiver(t, { deliver: { type: 'file', path, fsync: false } })
    await rawPost(receiver.port, '{"a":1}\n')
    renameSync(path, folder.path('out.1'))
    assert.equal((await rawPost(receiver.port, '{"a":2}\n')).status, 200)
    assert.equal(readFileSync(folder.path('out.1'), 'utf8'), '{"a":1}\n')
    assert.equal(readFileSync(path, 'utf8'), '{"a":2}\n')
    truncateSync(path)
    assert.equal((await rawPost(receiver.port, '{"a":3}\n')).status, 200)
    assert.equal(readFileSync(path, 'utf8'), '{"a":3}\n')
  })

  const ends: [title: string, before: string, after: string][] = [
    ['cuts an event that a crash tore', '{"a":1}\n{"a":', '{"a":1}\n{"b":1}\n'],
    ['cuts the only event, when a crash tore it,', '{"seq":1,"x":"to', '{"b":1}\n'],
    ['cuts a torn event that begins with blanks', '{"a":1}\n \t{"a":', '{"a":1}\n{"b":1}\n'],
    ['ends a whole event without newline', '{"a":1}', '{"a":1}\n{"b":1}\n'],
    ['ends a foreign line', 'some text', 'some text\n{"b":1}\n'],
  ]
  for (const [title, before, after] of ends) {
    it(`${title} before it appends`, async (t) => {
      const path = testFolder(t).path('out.ndjson')
      writeFileSync(path, before)
      const receiver = await startTestReceiver(t, { deliver: { type: 'file', path, fsync: false } })
      assert.equal((await rawPost(receiver.port, '{"b":1}\n')).status, 200)
      assert.equal(readFileSync(path, 'utf8'), after)
    })
  }

  it('says 503 for a full disk and for a folder that is not there', async (t) => {
    const full = await startTestReceiver(t, {
      deliver: { type: 'file', path: '/dev/full', fsync: false },
    })
    for (const attempt of [1, 2]) {
      assert.equal((await rawPost(full.port, '{"a":1}\n')).status, 503)
      const { delivery } = full.status() as { delivery: object }
      assert.match(JSON.stringify(delivery), /ENOSPC/, `attempt ${attempt}`)
    }
    const path = testFolder(t).path('none/out.ndjson')
    const none = await startTestReceiver(t, { deliver: { type: 'file', path, fsync: false } })
    assert.equal((await rawPost(none.port, '{"a":1}\n')).status, 503)
  })

  it('follows a changed target without a restart', async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'file', path: folder.path('a'), fsync: false },
    })
    await rawPost(receiver.port, '{"a":1}\n')
    appendFileSync(folder.path('b'), '{"b":0}\n')
    receiver.change({ deliver: { type: 'file', path: folder.path('b'), fsync: false } })
    await eventually('the change is taken up', async () => {
      await rawPost(receiver.port, '{"b":1}\n')
      assert.match(readFileSync(folder.path('b'), 'utf8'), /^\{"b":0\}\n\{"b":1\}\n$/)
    })
  })
})

describe('delivering to standard output', () => {
  it('writes to it, and waits for who reads a pipe without stopping the program', async (t) => {
    const folder = testFolder(t)
    const fifo = folder.path('pipe')
    await once(spawn('sh', ['-c', 'mkfifo "$0"', fifo]), 'exit')
    const descriptor = openSync(fifo, 'r+')
    t.after(() => closeSync(descriptor))
    const receiver = await startTestReceiver(t, {}, { stdout: descriptor })
    const event = `{"a":"${'x'.repeat(200_000)}"}\n`
    let settled = false
    const answer = rawPost(receiver.port, event).finally(() => (settled = true))
    await eventually('the batch is under way', () =>
      assert.equal(
        (receiver.status() as { delivery: { undelivered: number } }).delivery.undelivered,
        1,
      ),
    )
    assert.equal(settled, false)
    const reader = spawn('head', ['-c', String(event.length), fifo])
    let length = 0
    reader.stdout.on('data', (chunk: Buffer) => (length += chunk.length))
    // From now on: it may end before the answer is here.
    const closed = once(reader, 'close')
    assert.equal((await answer).status, 200)
    await closed
    assert.equal(length, event.length)
  })

  it('says 503 when nobody reads any more', async (t) => {
    const descriptor = openSync('/dev/full', 'w')
    t.after(() => closeSync(descriptor))
    const receiver = await startTestReceiver(t, {}, { stdout: descriptor })
    assert.equal((await rawPost(receiver.port, '{"a":1}\n')).status, 503)
  })
})
