import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test, { type TestContext } from 'node:test'
import { testFolder, type TestFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-ports.ts'
import { lineOf, rotations, type Rotation } from '../../support/log-writer.ts'
import { type Program, startProgram } from '../../support/programs.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receivers.ts'
import { missingOf, senderSettings } from '../../support/senders.ts'

const writer = fileURLToPath(new URL('../../support/log-writer.ts', import.meta.url))

interface Setting {
  folder: TestFolder
  receiver: TestReceiver
  /** Another life of the sender. */
  start(this: void): Promise<Program>
}

/** A queue in memory with checkpoints on disk: what was delivered and not noted comes again, nothing is lost. */
async function setUp(t: TestContext, glob: string): Promise<Setting> {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t)
  // Not where the programs' own logs are.
  mkdirSync(folder.path('logs'))
  const [health = 0] = await freePorts(1)
  const { role, tls, decorate, batch, queue, balancing, limits, logLevel } = senderSettings()
  const file = {
    ...{ role, tls, decorate, batch, queue, balancing, limits, logLevel },
    hosts: { list: [{ host: '127.0.0.1', port: receiver.port }] },
    checkpoints: { directory: folder.path('checkpoints') },
  }
  folder.write('sidecar.json', JSON.stringify(file))
  return {
    folder,
    receiver,
    async start() {
      const program = startProgram(
        'sender',
        [
          ...[
            'sender',
            '--config',
            folder.path('sidecar.json'),
            '--file',
            folder.path(`logs/${glob}`),
          ],
          ...['--health-port', String(health)],
        ],
        { folder: folder.path('.') },
      )
      t.after(async () => {
        program.child.kill('SIGKILL')
        await program.ended
      })
      return program
    },
  }
}

async function end(program: Program, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
  program.child.kill(signal)
  return await program.ended
}

for (const kind of ['renameMatching', 'copyTruncate'] as const satisfies Rotation[]) {
  test(`a sender that is killed again and again loses no line of a log that is rotated (${kind})`, {
    timeout: 90_000,
  }, async (t) => {
    const { folder, receiver, start } = await setUp(t, rotations[kind].glob)
    const count = 120_000
    const child = spawn(process.execPath, [
      ...[writer, folder.path('logs'), kind, String(count), '20000', '25000'],
    ])
    t.after(() => child.kill('SIGKILL'))
    const written = once(child, 'exit')
    for (let life = 0; life < 3; life += 1) {
      const program = await start()
      const before = receiver.accepted.length
      await eventually('it delivers', () => assert.ok(receiver.accepted.length > before + 5000))
      await end(program, 'SIGKILL')
    }
    assert.deepEqual(await written, [0, null])
    await start()
    await eventually('all arrive', () =>
      assert.equal(missingOf(receiver.accepted, count).length, 0),
    )
  })
}

test('a clean restart repeats nothing: what was written meanwhile is read, under a new name as well', async (t) => {
  const { folder, receiver, start } = await setUp(t, 'app.log*')
  const path = folder.path('logs/app.log')
  writeFileSync(path, linesOf(0, 2_000))
  const program = await start()
  await eventually('the first arrive', () =>
    assert.deepEqual(missingOf(receiver.accepted, 2_000), []),
  )
  appendFileSync(path, '{"seq":2000,')
  assert.equal(await end(program, 'SIGTERM'), 0)
  appendFileSync(path, `"fill":1}\n${linesOf(2_001, 3_000)}`)
  // As one that copies: the copy is found by its content, at another inode.
  writeFileSync(folder.path('logs/app.log.1'), readFileSync(path))
  writeFileSync(path, linesOf(3_000, 4_000))
  await start()
  await eventually('all arrive', () => assert.deepEqual(missingOf(receiver.accepted, 4_000), []))
  assert.equal(receiver.accepted.length, 4_000)
})

for (const banner of ['', `{"banner":"${'x'.repeat(2_000)}"}\n`]) {
  const like = banner === '' ? '' : ' that begins alike'
  test(`another content under the same inode${like} is read from its beginning after a restart`, async (t) => {
    const { folder, receiver, start } = await setUp(t, '*.log')
    const path = folder.path('logs/a.log')
    writeFileSync(path, banner + linesOf(0, 1_000))
    const program = await start()
    await eventually('they arrive', () => assert.deepEqual(missingOf(receiver.accepted, 1_000), []))
    await end(program, 'SIGTERM')
    // Written anew in place, which keeps the inode; and larger than before, so that its size tells nothing.
    writeFileSync(path, banner + linesOf(1_000, 3_000))
    await start()
    await eventually('all arrive', () => assert.deepEqual(missingOf(receiver.accepted, 3_000), []))
  })
}

test('SIGTERM: what the application wrote last is sent, and the beginning of a line stays', async (t) => {
  const { folder, receiver, start } = await setUp(t, '*.log')
  const path = folder.path('logs/a.log')
  writeFileSync(path, linesOf(0, 1))
  const program = await start()
  await eventually('it reads', () => assert.equal(receiver.accepted.length, 1))
  appendFileSync(path, `${linesOf(1, 50_000)}{"seq":`)
  writeFileSync(folder.path('logs/late.log'), linesOf(50_000, 50_001))
  assert.equal(await end(program, 'SIGTERM'), 0)
  assert.deepEqual(missingOf(receiver.accepted, 50_001), [])
  assert.equal(receiver.accepted.length, 50_001)
  appendFileSync(path, '50001}\n')
  await start()
  await eventually('the rest of the line comes', () =>
    assert.equal(receiver.accepted.at(-1), '{"seq":50001}'),
  )
  assert.equal(receiver.accepted.length, 50_002)
})

function linesOf(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => lineOf(from + i)).join('')
}
