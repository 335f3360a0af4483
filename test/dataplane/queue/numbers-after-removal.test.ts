import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { Batch } from '../../../src/dataplane/queue/queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

type DiskQueue = Awaited<ReturnType<typeof openDiskQueue<string>>>

// Found by simulation: the numbers of what was delivered and removed shortly before a loss of power were given to other
// events by the next life, and a receiver that remembered them would have taken those for delivered.
test('no number is used again after its file was removed and the power lost', async () => {
  // All that is not synced is lost; removed names stay removed.
  const disk = createCrashingDisk({ random: () => 0.1 })
  let ids = 0
  const open = (): Promise<DiskQueue> =>
    openDiskQueue<string>({
      directory: '/queue',
      disk: disk.start(),
      time: systemTime,
      log: silentLog(),
      settings: { maxSize: 64 * 1024, onFull: 'Block' },
      newId: () => `sender-${(ids += 1)}`,
      listener: { settled: () => undefined, changed: () => undefined },
    })
  const limits = { maxEvents: 1, maxBytes: 1, maxWait: 0 }
  const event = { body: Buffer.from(`{"x":"${'x'.repeat(2_000)}"}\n`), count: 1 }

  async function commit(queue: DiskQueue): Promise<void> {
    queue.commit([event], systemTime.now())
    await eventually('it is on the disk', () => assert.equal(queue.totals().unsafeBytes, 0))
  }

  async function cut(queue: DiskQueue): Promise<Batch<string>> {
    return eventually('a batch can be cut', () => {
      const batch = queue.cut(limits)
      assert.ok(batch)
      return batch
    })
  }

  const first = await open()
  await commit(first)
  disk.crash('process')

  const second = await open()
  for (let i = 0; i < 4; i += 1) await commit(second)
  // What the first life left is at a host and stays there.
  await cut(second)
  const batches = [await cut(second), await cut(second), await cut(second), await cut(second)]
  for (const batch of batches) second.acknowledge(batch)
  // Too large while something is left: this seals the last file, of which nothing is. The next write removes it first.
  const large = { body: Buffer.from(`{"x":"${'x'.repeat(70_000)}"}\n`), count: 1 }
  assert.equal(second.commit([large], systemTime.now()).result, 'full')
  disk.setFault((call, path) => (call === 'create' && path.endsWith('.log') ? 'ENOSPC' : undefined))
  second.commit([event], systemTime.now())
  await eventually('only the file of the first life is left', () => {
    assert.equal(disk.paths().filter((path) => path.endsWith('.log')).length, 1)
  })
  disk.setFault(undefined)
  disk.crash('power')

  const third = await open()
  assert.equal(third.senderId, second.senderId)
  await commit(third)
  const used = new Set(batches.map((batch) => batch.first))
  const left = third.totals().events
  const last = []
  for (let i = 0; i < left; i += 1) last.push(await cut(third))
  const fresh = last.at(-1)
  assert.ok(fresh && !used.has(fresh.first), `${fresh?.first} stood for another event before`)
  await third.close()
})
