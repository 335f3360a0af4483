import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

test('closing ends though nothing can be removed and what is pending finds no space', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const queue = await openDiskQueue<string>({
    directory: '/queue',
    disk: disk.start(),
    time: systemTime,
    log: silentLog(),
    settings: { maxSize: 6_000, onFull: 'DropOldest' },
    newId: () => 'sender',
    listener: { settled: () => undefined, changed: () => undefined },
  })
  const event = { body: Buffer.from(`{"x":"${'x'.repeat(1_500)}"}\n`), count: 1 }
  let refused = 0
  disk.setFault((call) => {
    if (call === 'remove') refused += 1
    return call === 'remove' ? 'EIO' : undefined
  })
  await eventually('what is pending waits for space', () => {
    queue.commit([event], systemTime.now())
    assert.ok(refused >= 2 && queue.totals().unsafeBytes > 0)
  })
  const pending = queue.totals().events
  const isClosed = await Promise.race([
    queue.close().then(() => true),
    systemTime.sleep(5_000).then(() => false),
  ])
  assert.ok(isClosed)
  assert.equal(queue.totals().events, pending, 'what was not written is still counted')
})
