import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createCrashingDisk, type CrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog } from '../../support/log.ts'

type DiskQueue = Awaited<ReturnType<typeof openDiskQueue<string>>>

const { log, lines } = capturedLog()

function open(disk: CrashingDisk): Promise<DiskQueue> {
  return openDiskQueue<string>({
    ...{ directory: '/queue', disk: disk.start(), time: systemTime, log, newId: () => 'sender' },
    settings: { maxSize: 2 ** 20, onFull: 'Block' },
    listener: { settled: () => undefined, changed: () => undefined },
  })
}

/** Killed at the n-th change of the disk from the second event on, of a queue that holds one; or from the first on. */
async function killed(at: number, held: 0 | 1): Promise<CrashingDisk> {
  // A loss of power takes all that was not synced.
  const disk = createCrashingDisk({ random: () => 0.99 })
  const queue = await open(disk)
  const commit = (): unknown =>
    queue.commit([{ body: Buffer.from('{"n":1}\n'), count: 1 }], systemTime.now())
  if (held === 1) {
    commit()
    await eventually('it is on the disk', () => assert.equal(queue.totals().unsafeBytes, 0))
  }
  const crashed = disk.crashed()
  disk.crashAt(at, 'process')
  commit()
  await crashed
  return disk
}

// Seed 5645 of the simulation, of its time: a kill within a sync, and a loss of power in the life after it.
const kills: [at: string, change: number, held: 0 | 1][] = [
  ['the sync of a file that holds others', 2, 1],
  ['the sync of a new file', 3, 0],
  ["the sync of a new file's name", 4, 0],
]

for (const [at, change, held] of kills) {
  test(`what a kill at ${at} left is taken at the next start, and no loss of power takes it then`, async () => {
    const disk = await killed(change, held)
    const second = await open(disk)
    assert.equal(second.totals().events, held + 1)
    disk.crash('power')
    const third = await open(disk)
    assert.equal(third.totals().events, held + 1)
    await third.close()
  })
}

test('a disk that syncs nothing at a start keeps no event from being sent, and it is said', async () => {
  const disk = await killed(3, 0)
  disk.setFault((call) => (call === 'sync' || call === 'syncFolder' ? 'EIO' : undefined))
  const queue = await open(disk)
  const limits = { maxEvents: 1, maxBytes: 1, maxWait: 0 }
  const batch = await eventually('it can be cut', () => {
    const found = queue.cut(limits)
    assert.ok(found)
    return found
  })
  assert.equal(batch.events.body.toString(), '{"n":1}\n')
  const said = lines.filter(({ msg }) => msg.includes('cannot be synced'))
  assert.deepEqual(
    said.map(({ level, path }) => [level, String(path).replace(/\d+-\w+/, 'N')]),
    [
      ['warn', '/queue/N.log'],
      ['warn', '/queue'],
    ],
  )
  await queue.close()
})
