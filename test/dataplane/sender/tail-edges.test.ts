import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { defaults, type SenderSettings } from '../../../src/api/sidecar-config.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { lineOf } from '../../support/log-writer.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender, type TestSender } from '../../support/senders.ts'

interface Setting {
  path: (this: void, name: string) => string
  receiver: TestReceiver
  start: (this: void, changes?: Partial<SenderSettings>) => Promise<TestSender>
  /** Messages of the sender's log. */
  messages: (this: void) => string[]
}

async function setUp(t: TestContext, ...globs: string[]): Promise<Setting> {
  const folder = testFolder(t)
  mkdirSync(folder.path('logs'))
  const path = (name: string): string => folder.path(`logs/${name}`)
  const receiver = await startTestReceiver(t)
  const { log, lines } = capturedLog()
  return {
    path,
    receiver,
    start: (changes) =>
      startTestSender(
        t,
        [receiver.port],
        { collect: { stdin: false, files: { paths: globs.map(path) } }, ...changes },
        { log },
      ),
    messages: () => lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg),
  }
}

function linesOf(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => lineOf(from + i)).join('')
}

async function untilAll(receiver: TestReceiver, count: number): Promise<void> {
  await eventually(`${count} arrive`, () =>
    assert.equal(missingOf(receiver.accepted, count).length, 0),
  )
  assert.equal(receiver.accepted.length, count)
}

test('the last line of a file without its newline is an event once the file is gone and the sender stops', async (t) => {
  const { path, receiver, start } = await setUp(t, '*.log')
  writeFileSync(path('a.log'), `${linesOf(0, 2)}{"seq":2}`)
  const sender = await start()
  await eventually('two arrive', () => assert.equal(receiver.accepted.length, 2))
  rmSync(path('a.log'))
  assert.deepEqual(await sender.stop({ graceMs: 10_000 }), { remaining: 0 })
  assert.equal(receiver.accepted.at(-1), '{"seq":2}')
})

test('compressed files are skipped, which is said once, and a link to a file is that file', async (t) => {
  const { path, receiver, start, messages } = await setUp(t, '*')
  writeFileSync(path('a'), linesOf(0, 10))
  linkSync(path('a'), path('b'))
  for (const name of ['c.gz', 'd.gz']) writeFileSync(path(name), gzipSync(linesOf(0, 10)))
  const sender = await start()
  await untilAll(receiver, 10)
  assert.match(await sender.metric('logstash_link_sender_file_skipped_total'), / 2$/m)
  assert.equal(messages().filter((each) => each.includes('Compressed files')).length, 1)
})

test('a truncated file whose copy is elsewhere is read from its beginning', async (t) => {
  const { path, receiver, start } = await setUp(t, 'app.log')
  writeFileSync(path('app.log'), linesOf(0, 100))
  await start()
  await untilAll(receiver, 100)
  copyFileSync(path('app.log'), path('old'))
  truncateSync(path('app.log'))
  appendFileSync(path('app.log'), linesOf(100, 400))
  await untilAll(receiver, 400)
})

test('two files with the same content are both read: only what was truncated has a copy', {
  timeout: 60_000,
}, async (t) => {
  const { path, receiver, start } = await setUp(t, '*.log')
  writeFileSync(path('a.log'), linesOf(0, 100))
  await start()
  await untilAll(receiver, 100)
  writeFileSync(path('b.log'), readFileSync(path('a.log')))
  await eventually('the other is read as well', () => assert.equal(receiver.accepted.length, 200))
})

test('lines over the limit go to the dead letters with the name of their file, long as they are', async (t) => {
  const { path, receiver, start } = await setUp(t, '*.log')
  writeFileSync(path('a.log'), `${lineOf(0)}{"x":"${'y'.repeat(2_000_000)}"}\n${lineOf(1)}`)
  const sender = await start({
    limits: { ...defaults.senderLimits, maxLine: 1000 },
    deadLetter: { directory: path('../dead'), maxSize: 2 ** 20 },
  })
  await untilAll(receiver, 2)
  await eventually('it is kept', () =>
    assert.match(readFileSync(path('../dead/dead-letters.ndjson'), 'utf8'), /"length":2000008/),
  )
  await eventually('all is safe', () => {
    const { files } = sender.status() as { files: { lag: number } }
    assert.equal(files.lag, 0)
  })
})

test('while receivers hang new files are opened, so that they survive being deleted, and memory is bounded', async (t) => {
  const { path, receiver, start } = await setUp(t, '*.log')
  const hang = Promise.withResolvers<number>()
  receiver.behave(() => hang.promise)
  writeFileSync(path('a.log'), linesOf(0, 50_000))
  const maxSize = 2 ** 20
  const sender = await start({
    queue: { type: 'Memory', maxSize, onFull: 'Block' },
    limits: { ...defaults.senderLimits, memory: maxSize, maxLine: 10_000 },
  })
  const held = (): { files: { open: number }; queue: { bytes: number; heldBytes: number } } =>
    sender.status() as ReturnType<typeof held>
  await eventually('the queue is full', () => assert.ok(held().queue.bytes > maxSize / 2))
  writeFileSync(path('b.log'), linesOf(50_000, 60_000))
  await eventually('it is open', () => assert.equal(held().files.open, 2))
  rmSync(path('b.log'))
  renameSync(path('a.log'), path('a.old'))
  assert.ok(held().queue.bytes + held().queue.heldBytes <= 2 * maxSize)
  hang.resolve(200)
  receiver.behave(() => 200)
  await eventually('all arrive', () => assert.equal(missingOf(receiver.accepted, 60_000).length, 0))
})

test('lines that never end in many files do not keep the others from being read', async (t) => {
  const { path, receiver, start } = await setUp(t, '*.log')
  // Each with a beginning of its own: equal ones are possible copies, which are waited for, longer while they grow.
  for (let i = 0; i < 8; i += 1) writeFileSync(path(`${i}.log`), `${i}${'x'.repeat(300_000)}`)
  await start({
    queue: { type: 'Memory', maxSize: 2 ** 20, onFull: 'Block' },
    limits: { ...defaults.senderLimits, memory: 2 ** 20, maxLine: 500_000 },
  })
  writeFileSync(path('good.log'), linesOf(0, 100))
  await untilAll(receiver, 100)
  appendFileSync(path('3.log'), '\n')
  await eventually('one ends at last', () =>
    assert.equal(receiver.accepted.filter((line) => line.startsWith('{"message":"3xxx')).length, 1),
  )
})

test('2,000 files are read, each in its turn, with a noisy one among them', {
  timeout: 60_000,
}, async (t) => {
  const { path, receiver, start } = await setUp(t, '*/*.log')
  mkdirSync(path('many'))
  mkdirSync(path('noisy'))
  const noise = 200_000
  writeFileSync(path('noisy/a.log'), linesOf(2_000, 2_000 + noise))
  for (let i = 0; i < 2_000; i += 1) writeFileSync(path(`many/${i}.log`), lineOf(i))
  const sender = await start()
  await eventually('the quiet ones arrive', () =>
    assert.equal(missingOf(receiver.accepted, 2_000).length, 0),
  )
  await untilAll(receiver, 2_000 + noise)
  // The limit on open files is below the number of files.
  const { files } = sender.status() as { files: { files: number; open: number } }
  assert.deepEqual([files.files, files.open <= 1_000], [2_001, true])
  appendFileSync(path('many/7.log'), lineOf(2_000 + noise))
  await untilAll(receiver, 2_001 + noise)
})
