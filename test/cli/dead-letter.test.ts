import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runDeadLetter } from '../../src/cli/dead-letter.ts'
import { openDeadLetters, type DeadLetter } from '../../src/dataplane/dead-letter/dead-letters.ts'
import { capturedIo } from '../support/captured-io.ts'
import { testFolder, type TestFolder } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { silentLog } from '../support/log.ts'
import { startTestReceiver } from '../support/receivers.ts'
import { startTestSender } from '../support/senders.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

const event = (i: number | string): DeadLetter => ({
  event: Buffer.from(`{"seq":${i}}`),
  reason: 'Refused with 400',
  host: '10.0.0.1:9800',
})

async function keeper(t: TestContext, folder: TestFolder, { maxSize = 1 << 20, at = 0 } = {}) {
  const letters = await openDeadLetters(folder.path('dead'), {
    maxSize: () => maxSize,
    now: () => new Date(Date.UTC(2026, 0, 1) + at),
    log: silentLog(),
    onDropped: () => undefined,
  })
  t.after(() => letters.close())
  return letters
}

/** A folder with these letters, not written to any more. */
async function letters(t: TestContext, ...kept: DeadLetter[]): Promise<TestFolder> {
  const folder = testFolder(t)
  const file = await keeper(t, folder)
  await file.keep(kept)
  await file.close()
  return folder
}

async function run(...args: string[]) {
  const io = capturedIo()
  const code = await runDeadLetter(args, io)
  return { code, out: io.out(), err: io.err() }
}

const seqs = (out: string) => [...out.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq))

const to = ({ port }: { port: number }) => ['--hosts', `127.0.0.1:${port}`, '--no-tls']

describe('dead-letter list', () => {
  it('shows a table of the newest and counts by reason', async (t) => {
    const folder = await letters(t, ...Array.from({ length: 30 }, (_, i) => event(i)), {
      event: Buffer.from('{"a":"\u001b[31mred"'),
      reason: 'longer than 16 bytes',
      length: 5000,
    })
    const { code, out, err } = await run('list', folder.path('dead'), '--limit', '3')
    assert.deepEqual([code, err], [0, ''])
    const lines = out.split('\n')
    assert.match(String(lines[0]), /^TIME +REASON +HOST +SIZE +EVENT$/)
    assert.match(
      String(lines[1]),
      /^2026-01-01T00:00:00.000Z  Refused with 400 .*10.0.0.1:9800  10 B .*\{"seq":28\}$/,
    )
    assert.match(String(lines[3]), /4.9 KiB +\{"a":"\ufffd\[31mred"…$/)
    assert.match(out, /the newest 3; --limit shows more/)
    assert.match(
      out,
      /31 dead letters in 1 file\n +30  Refused with 400\n +1  longer than 16 bytes\n$/,
    )
  })

  it('says which lines are damaged, and shows the others', async (t) => {
    const folder = await letters(t, event(1))
    const path = folder.path('dead/dead-letters.ndjson')
    appendFileSync(path, 'garbage\n[]\n{"event":1}\n\n')
    appendFileSync(path, `${readFileSync(path, 'utf8').split('\n')[0]}\n{"event":{"torn`)
    const { code, out, err } = await run('list', path)
    assert.equal(code, 0)
    assert.deepEqual(
      err.split('\n').map((line) => line.replace(/^.*ndjson/, '')),
      [
        ':2 is no dead letter',
        ':3 is no dead letter',
        ':4 is no dead letter',
        ':7 has no end: it is being written, or torn',
        '',
      ],
    )
    assert.match(out, /2 dead letters in 1 file/)
  })

  it('gives the lines as they stand with --json, oldest part first, and filters', async (t) => {
    const folder = testFolder(t)
    const first = await keeper(t, folder, { maxSize: 1200 })
    for (let i = 0; i < 8; i += 1) await first.keep([event(i)])
    await first.close()
    const later = await keeper(t, folder, { maxSize: 1200, at: 60_000 })
    await later.keep([{ ...event(8), reason: 'another' }])
    const all = await run('list', folder.path('dead'), '--json')
    const there = seqs(all.out)
    assert.equal(there.at(-1), 8)
    assert.deepEqual(
      there,
      there.toSorted((a, b) => a - b),
    )
    assert.ok(there.length > 4)
    assert.match(all.err, new RegExp(`${there.length} dead letters in 2 files`))
    assert.deepEqual(
      seqs((await run('list', folder.path('dead'), '--json', '--reason', 'anoth')).out),
      [8],
    )
    assert.deepEqual(
      seqs(
        (await run('list', folder.path('dead'), '--json', '--since', '2026-01-01T00:00:30Z')).out,
      ),
      [8],
    )
    assert.deepEqual(
      seqs((await run('list', folder.path('dead'), '--json', '--since', '1s')).out),
      [],
    )
  })

  for (const [args, said] of [
    [[], /Expected `list` or `replay`, got nothing/],
    [['show'], /Expected `list` or `replay`, got "show"/],
    [['list'], /Expected a folder or file of dead letters, got none/],
    [['list', 'x', '--since', 'soon'], /Expected `--since` to be a time such as .* got "soon"/],
    [['replay', 'x'], /Expected `--hosts` or `--to` to say where to send, got neither/],
    [['replay', 'x', '--to', 'http://h', '--hosts', 'a'], /Expected `--to` alone .* `--hosts`/],
    [['replay', 'x', '--to', 'https://h'], /Expected `--to` to be an address of http/],
    [['replay', 'x', '--hosts', 'a', '--no-tls', '--ca', 'c'], /beside `--no-tls`, got `--ca`/],
  ] as const) {
    it(`is refused with code 2: ${args.join(' ')}`, async () => {
      const { code, err } = await run(...args)
      assert.equal(code, 2)
      assert.match(err, said)
    })
  }

  it('says with code 1 what cannot be read', async (t) => {
    const { code, err } = await run('list', testFolder(t).path('nowhere'))
    assert.equal(code, 1)
    assert.match(err, /ENOENT.*nowhere/)
  })
})

describe('dead-letter replay', () => {
  it('sends the bytes as they came, once, and those that were cut off never', async (t) => {
    const receiver = await startTestReceiver(t)
    const latin = Buffer.from('{"a":"\xff"}', 'latin1')
    const folder = await letters(
      t,
      { event: Buffer.from('{"big":12345678901234567890}'), reason: 'r,"reason":"x"' },
      { event: Buffer.from('{"text":",\\"reason\\":","reason":"inner"}'), reason: 'r' },
      { event: Buffer.from('{broken}'), reason: 'r' },
      { event: latin, reason: 'r' },
      { event: Buffer.from('{"cut'), reason: 'too long', length: 9 },
    )
    const first = await run('replay', folder.path('dead'), ...to(receiver))
    assert.deepEqual(
      [first.code, first.out],
      [0, '4 events sent again; only the beginning is kept, cannot be sent: 1\n'],
    )
    assert.deepEqual(receiver.accepted, [
      '{"big":12345678901234567890}',
      '{"text":",\\"reason\\":","reason":"inner"}',
      '{broken}',
      latin.toString(),
    ])
    const again = await run('replay', folder.path('dead'), ...to(receiver))
    assert.match(again.out, /^0 events sent again/)
    assert.equal(receiver.accepted.length, 4)
    assert.match((await run('list', folder.path('dead'))).out, /1 dead letter in/)
  })

  it('keeps in the file what is refused again, and says so with code 1', async (t) => {
    const receiver = await startTestReceiver(t, {
      behaviour: ({ lines }) => (lines.some((line) => line.includes('bad')) ? 422 : 200),
    })
    const folder = await letters(t, event(1), event('"bad"'), event(2), event('"bad"'), event(3))
    const { code, out } = await run('replay', folder.path('dead'), ...to(receiver))
    assert.deepEqual([code, out], [1, '3 events sent again; refused again: 2\n'])
    assert.deepEqual(receiver.accepted, ['{"seq":1}', '{"seq":2}', '{"seq":3}'])
    const { out: left } = await run('list', folder.path('dead'), '--json')
    assert.equal(left.match(/"bad"/g)?.length, 2)
    assert.equal(left.trim().split('\n').length, 2)
    receiver.behave(() => 200)
    assert.equal((await run('replay', folder.path('dead'), ...to(receiver))).code, 0)
    assert.equal(receiver.accepted.length, 5)
  })

  it('gives up when nothing is taken, loses nothing, and says why', async (t) => {
    const receiver = await startTestReceiver(t, { behaviour: () => 400 })
    const folder = await letters(t, event(1), event(2))
    const { code, out, err } = await run(
      ...['replay', folder.path('dead'), ...to(receiver), '--give-up', '300ms'],
    )
    assert.deepEqual([code, out], [1, '0 events sent again; not taken: 2\n'])
    assert.match(err, /No host takes events: .* answers 400/)
    assert.match((await run('list', folder.path('dead'))).out, /2 dead letters/)
  })

  it('waits while a host is away for a little', async (t) => {
    let asked = 0
    const receiver = await startTestReceiver(t, {
      behaviour: () => {
        asked += 1
        return asked < 3 ? 503 : 200
      },
    })
    const folder = await letters(t, event(1))
    assert.equal((await run('replay', folder.path('dead'), ...to(receiver))).code, 0)
    assert.deepEqual(receiver.accepted, ['{"seq":1}'])
  })

  it('goes to the collect.http of a running sender with --to', async (t) => {
    const receiver = await startTestReceiver(t)
    const sender = await startTestSender(t, [receiver.port], {
      collect: { stdin: false, http: { port: 0 } },
    })
    const folder = await letters(
      t,
      event(1),
      { event: Buffer.from('plain text'), reason: 'r' },
      event(2),
    )
    const url = `http://127.0.0.1:${sender.ports.http}`
    assert.equal((await run('replay', folder.path('dead'), '--to', url)).code, 0)
    assert.equal(receiver.accepted.length, 3)
    assert.match(String(receiver.accepted[1]), /^\{"message":"plain text"/)
  })

  it('asks for halves where the request itself is refused', async (t) => {
    const taken: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const lines = body.trim().split('\n')
        const status = lines.length > 1 || body.includes('bad') ? 413 : 200
        if (status === 200) taken.push(...lines)
        response.writeHead(status, { location: '/x' }).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close().closeAllConnections())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const folder = await letters(t, event(1), event('"bad"'), event(2))
    const { code, out } = await run(
      'replay',
      folder.path('dead'),
      '--to',
      `http://127.0.0.1:${port}`,
    )
    assert.deepEqual([code, out], [1, '2 events sent again; refused again: 1\n'])
    assert.deepEqual(taken, ['{"seq":1}', '{"seq":2}'])
  })

  it('sends nothing on a dry run, and says what it would send', async (t) => {
    const folder = await letters(t, event(1), event(2), { ...event(3), length: 100 })
    const { code, out } = await run('replay', folder.path('dead'), '--dry-run')
    assert.deepEqual(
      [code, out],
      [0, '2 events would be sent; only the beginning is kept, cannot be sent: 1\n'],
    )
  })

  it('sends nothing where it could not mark what was sent', async (t) => {
    const receiver = await startTestReceiver(t)
    const folder = await letters(t, event(1))
    mkdirSync(folder.path('dead/dead-letters.replayed'))
    const { code, err } = await run('replay', folder.path('dead'), ...to(receiver))
    assert.equal(code, 1)
    assert.match(err, /EISDIR/)
    assert.equal(receiver.requests.length, 0)
  })

  it('repeats a letter that stands there twice as often as it stands there', async (t) => {
    const receiver = await startTestReceiver(t)
    const folder = await letters(t, event(1), event(1), event(1))
    await run('replay', folder.path('dead'), ...to(receiver))
    await run('replay', folder.path('dead'), ...to(receiver))
    assert.equal(receiver.accepted.length, 3)
  })

  it('goes on after a mark that a crash tore, and forgets marks of letters that are gone', async (t) => {
    const receiver = await startTestReceiver(t)
    const folder = await letters(t, event(1), event(2))
    const path = folder.path('dead/dead-letters.replayed')
    await run('replay', folder.path('dead'), ...to(receiver))
    const marks = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, `${'x'.repeat(22)}\n${marks[0]}\n${String(marks[1]).slice(0, 10)}`)
    await run('replay', folder.path('dead'), ...to(receiver))
    assert.deepEqual(receiver.accepted, ['{"seq":1}', '{"seq":2}', '{"seq":2}'])
    assert.deepEqual(readFileSync(path, 'utf8').split('\n'), marks)
  })

  it('loses nothing while a sidecar goes on writing and replacing its files', async (t) => {
    const receiver = await startTestReceiver(t)
    const folder = testFolder(t)
    const file = await keeper(t, folder, { maxSize: 200_000 })
    let written = 0
    const stopping = new AbortController()
    const writing = (async () => {
      while (!stopping.signal.aborted) {
        await file.keep(Array.from({ length: 20 }, () => event(written++)))
      }
    })()
    await eventually('there is something', () => assert.ok(written > 200))
    for (let round = 0; round < 5; round += 1) {
      assert.equal((await run('replay', folder.path('dead'), ...to(receiver))).code, 0)
    }
    stopping.abort()
    await writing
    const before = await run('list', folder.path('dead'), '--json')
    const left = seqs(before.out)
    const sent = receiver.accepted.map((line) => Number(/\d+/.exec(line)?.[0]))
    // What is in neither was dropped as the oldest part, and is counted.
    assert.equal(new Set(sent).size, sent.length, 'nothing twice')
    const { dropped } = file.status()
    assert.ok(new Set([...sent, ...left]).size >= written - dropped)
    assert.equal(sent.filter((seq) => left.includes(seq)).length, 0, 'marked when sent')
  })

  it('repeats a little and loses nothing when it is killed in the middle', async (t) => {
    const receiver = await startTestReceiver(t)
    const count = 5000
    const folder = await letters(t, ...Array.from({ length: count }, (_, i) => event(i)))
    const args = ['dead-letter', 'replay', folder.path('dead'), ...to(receiver)]
    for (const after of [0, 1500, 3000]) {
      const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await eventually('some arrived', () => assert.ok(receiver.accepted.length > after))
      child.kill('SIGKILL')
      await ended
    }
    assert.equal((await run(...args.slice(1))).code, 0)
    const sent = receiver.accepted.map((line) => Number(/\d+/.exec(line)?.[0]))
    assert.equal(new Set(sent).size, count)
    t.diagnostic(`${sent.length - count} repeated after three kills`)
    assert.ok(sent.length <= count + 3 * 1000)
  })
})
