import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

// Found by simulation: once what a full disk had refused was withdrawn, nothing was left to ask the disk again with, and
// the queue refused everything for ever.
test('a disk that was full is asked again after all that it refused was withdrawn', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const done: string[] = []
  const queue = await openDiskQueue<string>({
    directory: '/queue',
    disk: disk.start(),
    time: systemTime,
    log: silentLog(),
    settings: { maxSize: 100_000, onFull: 'Block' },
    newId: () => 'sender',
    listener: { settled: (settled) => done.push(...settled.done), changed: () => undefined },
  })
  const events = [{ body: Buffer.from('{}\n'), count: 1 }]
  disk.setFault((call) => (call === 'write' ? 'ENOSPC' : undefined))
  assert.equal(queue.commit(events, systemTime.now(), 'first').result, 'accepted')
  await eventually('the disk refused it', () => assert.ok(queue.problem()))
  assert.equal(queue.commit(events, systemTime.now(), 'second').result, 'full')
  assert.equal(
    queue.withdraw('first', () => true),
    1,
  )
  disk.setFault(undefined)
  await eventually('the disk takes events again', () => {
    if (!done.includes('third')) queue.commit(events, systemTime.now(), 'third')
    assert.ok(done.includes('third'))
  })
  assert.equal(queue.problem(), undefined)
  await queue.close()
})
