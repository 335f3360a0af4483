import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { Batch } from '../../../src/dataplane/queue/queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'

type DiskQueue = Awaited<ReturnType<typeof openDiskQueue<string>>>

const limits = { maxEvents: 1, maxBytes: 1, maxWait: 0 }

function cut(queue: DiskQueue): Promise<Batch<string>> {
  return eventually('a batch can be cut', () => {
    const batch = queue.cut(limits)
    assert.ok(batch)
    return batch
  })
}

test('a file that cannot be read any more holds up nothing behind it, and the next start has its events', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const { log, lines } = capturedLog()
  let corrupt = 0
  // Waits for the disk pass at once.
  const time = { ...systemTime, sleep: (): Promise<void> => systemTime.sleep(1) }
  const open = (): Promise<DiskQueue> =>
    openDiskQueue<string>({
      directory: '/queue',
      disk: disk.start(),
      time,
      log,
      settings: { maxSize: 2 ** 20, onFull: 'Block' },
      newId: () => 'sender',
      listener: { settled: () => undefined, changed: () => undefined },
      observe: {
        synced: () => undefined,
        corrupt: () => void (corrupt += 1),
        lost: () => assert.fail('nothing is lost'),
      },
      // Not even one record is read ahead of what is at a host.
      window: 1,
    })
  for (let n = 0; n < 3; n += 1) {
    const queue = await open()
    const body = Buffer.from(`{"n":${n}}\n`)
    queue.commit([{ body, count: 1 }], systemTime.now())
    await eventually('it is on the disk', () => assert.equal(queue.totals().unsafeBytes, 0))
    disk.crash('process')
  }
  const [, sick] = disk.paths().filter((path) => path.endsWith('.log'))

  const queue = await open()
  const first = await cut(queue)
  disk.setFault((call, path) => (call === 'read' && path === sick ? 'EIO' : undefined))
  queue.acknowledge(first)
  const third = await cut(queue)
  assert.equal(third.events.body.toString(), '{"n":2}\n')
  assert.equal(queue.totals().events, 1)
  queue.acknowledge(third)
  assert.deepEqual([queue.totals().events, queue.totals().bytes, corrupt], [0, 0, 1])
  assert.match(queue.problem() ?? '', /1 files of the queue could not be read/)
  const [said] = lines.filter(({ msg }) => msg.includes('cannot be read any more'))
  assert.deepEqual([said?.segment, said?.events], [sick, 1])
  await queue.close()
  disk.crash('process')

  disk.setFault(undefined)
  const next = await open()
  assert.equal(next.totals().events, 1)
  assert.equal((await cut(next)).events.body.toString(), '{"n":1}\n')
})
