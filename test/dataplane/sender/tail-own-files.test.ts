import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { findFiles } from '../../../src/dataplane/sender/collect/files/find.ts'
import { parseGlob } from '../../../src/dataplane/sender/collect/files/glob.ts'
import { createOwnFiles } from '../../../src/dataplane/sender/collect/files/own-files.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'
import { lineOf } from '../../support/log-writer.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

test('globs that take the queue, the checkpoints and the dead letters follow none of them, and it is said once', async (t) => {
  const folder = testFolder(t)
  const logs = folder.path('logs')
  mkdirSync(logs)
  // The dead letters by another way too.
  symlinkSync(`${logs}/dead/slot-0/dead-letters.ndjson`, `${logs}/link.log`)
  writeFileSync(`${logs}/a.log`, `${lineOf(0)}{"x":"${'y'.repeat(2_000)}"}\n`)
  const receiver = await startTestReceiver(t)
  const { log, lines } = capturedLog()
  const paths = ['*.log', '*/*', '*/*/*', '*/*/*/*'].map((glob) => `${logs}/${glob}`)
  const sender = await startTestSender(
    t,
    [receiver.port],
    {
      collect: { stdin: false, files: { paths } },
      limits: { ...defaults.senderLimits, maxLine: 1_000 },
      queue: { type: 'Disk', directory: `${logs}/queue`, maxSize: 2 ** 20, onFull: 'Block' },
      deadLetter: { directory: `${logs}/dead`, maxSize: 2 ** 20 },
    },
    { log },
  )
  const status = () =>
    sender.status() as { deadLetters: { kept: number }; files: { files: number } }
  await eventually('a letter is kept', () => assert.equal(status().deadLetters.kept, 1))
  // Whoever finds this one has seen the others.
  writeFileSync(`${logs}/b.log`, lineOf(1))
  mkdirSync(`${logs}/dead/other`)
  writeFileSync(`${logs}/dead/app.log`, lineOf(2))
  await eventually('all come', () => assert.deepEqual(missingOf(receiver.accepted, 3), []))
  assert.equal(receiver.accepted.length, 3)
  assert.equal(status().files.files, 3)
  assert.equal(lines.filter(({ msg }) => msg.includes('writes itself')).length, 1)
})

test('the file that the log of this program goes to is not followed, under whatever name', async (t) => {
  const folder = testFolder(t)
  for (const name of ['app.log', 'own.log']) writeFileSync(folder.path(name), lineOf(0))
  const descriptor = openSync(folder.path('own.log'), 'a')
  t.after(() => closeSync(descriptor))
  const found: string[] = []
  const own = createOwnFiles({
    folders: () => [{ path: folder.path('absent') }],
    descriptors: [descriptor],
    onFound: (path) => void found.push(path),
  })
  for (let scan = 0; scan < 2; scan += 1) {
    const findings = await findFiles([parseGlob(folder.path('*.log'))])
    own.leaveOut(findings)
    assert.deepEqual(
      [...findings.files.values()].map(({ path }) => path),
      [folder.path('app.log')],
    )
  }
  assert.deepEqual(found, [folder.path('own.log')])
})
