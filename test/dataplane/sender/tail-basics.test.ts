import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

test('existing files are read from their beginning, what is appended follows, a line begun waits for its end', async (t) => {
  const folder = testFolder(t)
  mkdirSync(folder.path('logs'))
  const path = folder.path('logs/app.log')
  writeFileSync(path, '{"seq":0}\n{"seq":1}\n')
  const receiver = await startTestReceiver(t)
  await startTestSender(t, [receiver.port], {
    collect: { stdin: false, files: { paths: [folder.path('logs/*.log')] } },
  })
  await eventually('both arrive', () => assert.deepEqual(missingOf(receiver.accepted, 2), []))
  appendFileSync(path, '{"seq":2}\n{"se')
  await eventually('the third arrives', () => assert.deepEqual(missingOf(receiver.accepted, 3), []))
  appendFileSync(path, 'q":3}\n')
  writeFileSync(folder.path('logs/new.log'), '{"seq":4}\n')
  await eventually('all arrive', () => assert.deepEqual(missingOf(receiver.accepted, 5), []))
  assert.equal(receiver.accepted.length, 5)
})

test('without a folder for checkpoints it is said once, and the next sender reads all from the beginning', async (t) => {
  const folder = testFolder(t)
  mkdirSync(folder.path('logs'))
  for (const name of ['a', 'b'])
    writeFileSync(folder.path(`logs/${name}.log`), `{"of":"${name}"}\n`)
  const collect = { stdin: false, files: { paths: [folder.path('logs/*.log')] } }
  const receiver = await startTestReceiver(t)
  for (const life of [1, 2]) {
    const { log, lines } = capturedLog()
    const sender = await startTestSender(t, [receiver.port], { collect }, { log })
    await eventually('both arrive', () => assert.equal(receiver.accepted.length, 2 * life))
    assert.deepEqual(await sender.stop({ graceMs: 5_000 }), { remaining: 0 })
    const said = lines.filter(({ msg }) => msg.includes('kept in memory only'))
    assert.deepEqual(
      said.map(({ level }) => level),
      ['warn'],
    )
  }
})
