import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { defaults } from '../../../src/api/sidecar-config.ts'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPost } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { startTestSender } from '../../support/senders.ts'

const limits = { ...defaults.senderLimits, maxLine: 2000 }
const long = JSON.stringify({ long: 'x'.repeat(5000) })

/** Where the dead-letter folder should be stands a file, until it is mended. */
function brokenFolder(t: TestContext) {
  const folder = testFolder(t)
  const file = folder.write('dead', 'no folder')
  return {
    deadLetter: { directory: file, maxSize: 2 ** 20 },
    mend: () => {
      rmSync(file)
      mkdirSync(file)
    },
    letters: () =>
      readFileSync(`${file}/dead-letters.ndjson`, 'utf8').split('\n').slice(0, -1).length,
  }
}

test('collect.http answers 503 while a line over the limit cannot be kept, and keeps it once', async (t) => {
  const receiver = await startTestReceiver(t)
  const { deadLetter, mend, letters } = brokenFolder(t)
  const sender = await startTestSender(t, [receiver.port], {
    collect: { stdin: false, http: { port: 0 } },
    limits,
    deadLetter,
  })
  const port = sender.ports.http ?? 0
  const answer = await rawPost(port, `${long}\n{"a":1}\n`)
  assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1'])
  mend()
  assert.equal((await rawPost(port, `${long}\n{"a":1}\n`)).status, 200)
  assert.equal(letters(), 1)
})

test('collect.http writes no dead letter for a request that it answers 429 or 503', async (t) => {
  const folder = testFolder(t)
  const sender = await startTestSender(
    t,
    [1],
    {
      collect: { stdin: false, http: { port: 0 } },
      limits,
      deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
    },
    { timeouts: { ...defaultTimeouts, delivery: 100 } },
  )
  assert.equal((await rawPost(sender.ports.http ?? 0, `${long}\n{"a":1}\n`)).status, 503)
  assert.throws(() => readFileSync(folder.path('dead/dead-letters.ndjson')), /ENOENT/)
})

test('a stream is not read on while a line over the limit cannot be kept', async (t) => {
  const receiver = await startTestReceiver(t)
  const { deadLetter, mend, letters } = brokenFolder(t)
  const sender = await startTestSender(t, [receiver.port], { limits, deadLetter })
  sender.input.write(`{"seq":1}\n${long}\n`)
  await eventually('what stood before it has arrived', () =>
    assert.equal(receiver.accepted.length, 1),
  )
  sender.input.end('{"seq":2}\n')
  mend()
  await sender.drained
  assert.equal(receiver.accepted.length, 2)
  assert.equal(letters(), 1)
})
