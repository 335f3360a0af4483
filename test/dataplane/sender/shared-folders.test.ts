import assert from 'node:assert/strict'
import test from 'node:test'
import { openDeadLetterFiles } from '../../../src/dataplane/dead-letter/read-dead-letters.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { senderSettings, startTestSender, type TestSender } from '../../support/senders.ts'

function kept(sender: TestSender): number {
  return (sender.status() as { deadLetters: { kept: number } }).deadLetters.kept
}

test('senders that share the folders of one claim have dead letters of their own, and all are found below the folder', async (t) => {
  const folder = testFolder(t)
  const directory = folder.path('dead')
  const start = () =>
    startTestSender(t, [], {
      queue: { type: 'Disk', directory: folder.path('queue'), maxSize: 2 ** 20, onFull: 'Block' },
      deadLetter: { directory, maxSize: 2 ** 20 },
      limits: { ...senderSettings().limits, maxLine: 100 },
    })
  const senders = [await start(), await start()]
  for (let round = 1; round <= 3; round += 1) {
    for (const [index, sender] of senders.entries()) {
      // Of different lengths, as one that cuts at its own length must not meet the end of a line by chance.
      sender.input.write(`{"sender":${index},"round":${round},"fill":"${'x'.repeat(200)}"}\n`)
      await eventually('it is kept', () => assert.equal(kept(sender), round))
    }
  }
  const snapshot = await openDeadLetterFiles([directory])
  t.after(() => snapshot.close())
  assert.deepEqual(snapshot.files, [
    `${directory}/slot-0/dead-letters.ndjson`,
    `${directory}/slot-1/dead-letters.ndjson`,
  ])
  let letters = 0
  for await (const read of snapshot.read()) if ('letter' in read) letters += 1
  assert.equal(letters, 6)
})
