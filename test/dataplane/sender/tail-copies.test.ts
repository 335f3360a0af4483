import assert from 'node:assert/strict'
import { open, truncate } from 'node:fs/promises'
import test from 'node:test'
import {
  fingerprintBytes,
  fingerprintOf,
  noFingerprint,
} from '../../../src/dataplane/sender/collect/files/fingerprint.ts'
import { createFormers } from '../../../src/dataplane/sender/collect/files/formers.ts'
import { createProgress } from '../../../src/dataplane/sender/collect/files/progress.ts'
import { beginningOf } from '../../../src/dataplane/sender/collect/files/rotation.ts'
import { newFile } from '../../../src/dataplane/sender/collect/files/tailed-file.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { testFolder } from '../../support/certificates.ts'

test('a copy that lacks the last lines is no safer than what was read from the file itself', async (t) => {
  const folder = testFolder(t)
  const path = folder.path('app.log.1')
  folder.write('app.log.1', '')
  await truncate(path, 2_000)
  const handle = await open(path)
  t.after(() => handle.close())
  const head = Buffer.alloc(fingerprintBytes)
  const options = { maxLine: 100, date: systemTime.date }
  const progress = createProgress()
  const ends = [1_000, 1_500, 3_000]
  const pieces = ends.map((offset) => progress.give({ offset, tail: noFingerprint }))
  const file = {
    ...newFile({ key: '1:1', path: folder.path('app.log') }, options),
    ...{ phase: 'followed' as const, isVerified: true, fingerprint: fingerprintOf(head), progress },
  }
  const formers = createFormers(new Map())
  formers.add(file)
  const adopted = await formers.adopt({ path, size: 2_000, beginning: beginningOf(head) }, handle)
  assert.ok(adopted)
  const seen = [[adopted.committed.offset, adopted.given.offset]]
  for (const piece of pieces) {
    // As the queue answers, which knows nothing of copies.
    progress.settle(piece, 'done')
    seen.push([adopted.committed.offset, adopted.given.offset])
  }
  assert.deepEqual(seen, [
    [0, 2_000],
    [1_000, 2_000],
    [1_500, 2_000],
    [2_000, 2_000],
  ])
  // Should somebody write to it nevertheless.
  adopted.settle(adopted.give({ offset: 2_500, tail: noFingerprint }), 'done')
  assert.equal(adopted.committed.offset, 2_500)
})
