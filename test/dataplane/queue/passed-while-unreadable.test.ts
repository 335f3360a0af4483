import assert from 'node:assert/strict'
import test from 'node:test'
import { createAcknowledged } from '../../../src/dataplane/queue/disk/acknowledged.ts'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

type DiskQueue = Awaited<ReturnType<typeof openDiskQueue<string>>>

const limits = { maxEvents: 1, maxBytes: 1, maxWait: 0 }

async function commit(queue: DiskQueue, n: number): Promise<void> {
  queue.commit([{ body: Buffer.from(`{"n":${n}}\n`), count: 1 }], systemTime.now())
  await eventually('it is on the disk', () => assert.equal(queue.totals().unsafeBytes, 0))
}

// Found in review: the file that could not be read and the one made beside it had one number, the newer one was read
// first, and what was noted as delivered of it passed the older one.
test('a file that could not be read at one start is not passed by new ones', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  let ids = 0
  const open = (): Promise<DiskQueue> => {
    const view = disk.start()
    return openDiskQueue<string>({
      directory: '/queue',
      // A folder is listed in no order.
      disk: { ...view, list: async (path) => (await view.list(path)).toReversed() },
      time: systemTime,
      log: silentLog(),
      settings: { maxSize: 2 ** 20, onFull: 'Block' },
      newId: () => `sender-${(ids += 1)}`,
      listener: { settled: () => undefined, changed: () => undefined },
    })
  }
  const segments = (): string[] => disk.paths().filter((path) => path.endsWith('.log'))

  await commit(await open(), 0)
  disk.crash('process')
  await commit(await open(), 1)
  disk.crash('process')
  const sick = segments().at(-1)
  disk.setFault((call, path) => (call === 'open' && path === sick ? 'EIO' : undefined))
  await commit(await open(), 2)
  disk.crash('process')
  disk.setFault(undefined)

  const numbers = segments().map((path) => path.slice(0, '/queue/000000000000'.length))
  assert.equal(
    new Set(numbers).size,
    numbers.length,
    `two files of one number: ${numbers.join(' ')}`,
  )
  const queue = await open()
  const order: string[] = []
  for (let i = 0; i < 2; i += 1) {
    const batch = await eventually('a batch can be cut', () => {
      const cut = queue.cut(limits)
      assert.ok(cut)
      return cut
    })
    order.push(batch.events.body.toString().trim())
    queue.acknowledge(batch)
  }
  assert.deepEqual(order, ['{"n":0}', '{"n":1}'])
  await queue.close()
  disk.crash('process')
  assert.equal((await open()).totals().events, 1)
})

test('what could not be read is no reason to pass what lies before it and was not cut', () => {
  const acknowledged = createAcknowledged({ below: 3, ranges: [] }, [10])
  assert.equal(acknowledged.state().below, 3)
  acknowledged.cut({ first: 3, last: 5 })
  acknowledged.done({ first: 3, last: 5 })
  assert.equal(acknowledged.state().below, 6)
  acknowledged.cut({ first: 12, last: 20 })
  acknowledged.done({ first: 12, last: 20 })
  assert.deepEqual(acknowledged.state(), { below: 10, ranges: [{ first: 12, last: 20 }] })
})

test('a file that is read at the second try is counted once', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const open = (): Promise<DiskQueue> =>
    openDiskQueue<string>({
      directory: '/queue',
      disk: disk.start(),
      time: systemTime,
      log: silentLog(),
      settings: { maxSize: 2 ** 20, onFull: 'Block' },
      newId: () => 'sender',
      listener: { settled: () => undefined, changed: () => undefined },
    })
  await commit(await open(), 7)
  disk.crash('process')
  const [path = ''] = disk.paths().filter((each) => each.endsWith('.log'))
  const torn = Buffer.alloc(100)
  disk.damage(path, (bytes) => Buffer.concat([bytes, torn]))
  // The head, the records, and then what is behind them: there it fails once.
  let reads = 0
  disk.setFault((call, at) =>
    call === 'read' && at === path && (reads += 1) === 3 ? 'EIO' : undefined,
  )
  const queue = await open()
  assert.ok(reads > 3)
  assert.deepEqual([queue.totals().events, queue.totals().bytes], [1, '{"n":7}\n'.length])
})
