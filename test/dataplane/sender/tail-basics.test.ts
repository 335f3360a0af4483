import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
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
