import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { createSpokenIntake } from '../../../src/dataplane/sender/collect/limits.ts'
import type { Intake } from '../../../src/dataplane/sender/intake.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { manualTime } from '../../support/manual-time.ts'
import { startTestSender } from '../../support/senders.ts'

const lines = Array.from({ length: 20_000 }, (_, seq) => `{"seq":${seq},"x":"${'x'.repeat(80)}"}\n`)

for (const where of ['collect.tcp', 'stdin', 'collect.files']) {
  test(`a full queue that holds up ${where} is said in the log`, async (t) => {
    const folder = testFolder(t)
    mkdirSync(folder.path('logs'))
    writeFileSync(folder.path('logs/a.log'), lines.join(''))
    const { log, lines: said } = capturedLog()
    const collect = {
      stdin: where === 'stdin',
      ...(where === 'collect.tcp' ? { tcp: { port: 0 } } : {}),
      ...(where === 'collect.files' ? { files: { paths: [folder.path('logs/*.log')] } } : {}),
    }
    const queue = { type: 'Memory', maxSize: 2 ** 19, onFull: 'Block' } as const
    const sender = await startTestSender(t, [], { collect, queue }, { log })
    if (where === 'stdin') for (const line of lines) sender.input.write(line)
    if (where === 'collect.tcp') {
      const client = net.connect(sender.ports.tcp ?? 0, '127.0.0.1')
      // The sender ends with most of it unread, which resets the connection.
      client.on('error', () => client.destroy())
      client.end(lines.join(''))
    }
    const full = () => said.filter(({ limit }) => limit === 'queue.maxSize')
    await eventually('it is said', () => assert.equal(full().length, 1))
    assert.deepEqual([full()[0]?.level, full()[0]?.where], ['warn', where])
    assert.equal(full().length, 1)
  })
}

test('a queue that stays full is named once a minute, with how often it had no room', async () => {
  const time = manualTime()
  const { log, lines: said } = capturedLog()
  const intake = createSpokenIntake({ offer: () => false } as unknown as Intake, { log, time })
  for (let i = 0; i < 5; i += 1) intake('stdin').offer([])
  await time.advance(59_999)
  intake('collect.tcp').offer([])
  assert.equal(said.length, 1)
  await time.advance(1)
  intake('collect.tcp').offer([])
  assert.deepEqual(
    said.map(({ before, where }) => [before, where]),
    [
      [0, 'stdin'],
      [5, 'collect.tcp'],
    ],
  )
})
