import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeAcknowledged, placeBytes } from '../../../src/dataplane/queue/disk/acknowledged.ts'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { createKeeper } from '../../../src/dataplane/queue/disk/keeper.ts'
import { createTrouble } from '../../../src/dataplane/queue/disk/trouble.ts'
import type { DiskQueue } from '../../../src/dataplane/queue/disk/types.ts'
import type { Disk } from '../../../src/dataplane/disk/disk.ts'
import type { Time } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { silentLog } from '../../support/log.ts'
import { manualTime } from '../../support/manual-time.ts'

function open(disk: Disk, time: Time): Promise<DiskQueue<never>> {
  return openDiskQueue<never>({
    ...{ directory: '/queue', disk, time, log: silentLog(), newId: () => 'sender' },
    settings: { maxSize: 2 ** 20, onFull: 'Block' },
    listener: { settled: () => undefined, changed: () => undefined },
  })
}

test('a kill repeats at most what was delivered within 20 ms', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const time = manualTime()
  const queue = await open(disk.start(), time)
  const count = 1_000
  queue.commit([{ body: Buffer.from('{}\n'.repeat(count)), count }], time.now())
  await time.advance(1)
  for (let delivered = 0; delivered < 500; delivered += 1) {
    const batch = queue.cut({ maxEvents: 1, maxBytes: 2 ** 20, maxWait: 0 })
    assert.ok(batch)
    queue.acknowledge(batch)
    await time.advance(1)
  }
  disk.crash('process')
  const next = await open(disk.start(), time)
  const repeated = next.totals().events - 500
  assert.ok(repeated >= 0 && repeated <= 21, `${repeated} events`)
})

test('notes that a loss of power tears leave the one that was synced', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const time = manualTime()
  const log = silentLog()
  const view = disk.start()
  await view.makeFolder('/queue')
  const keeper = createKeeper({
    ...{ directory: '/queue', disk: view, time, trouble: createTrouble(log) },
    ...{ senderId: 'sender', recovered: { turn: 0, syncedPlace: undefined } },
  })
  let below = 0
  for (let round = 1; round <= 6; round += 1) {
    below = round * 10
    await keeper.keepNow(() => ({ below: round * 10, ranges: [] }))
    for (let note = 1; note <= 3; note += 1) {
      keeper.keep(() => ({ below: round * 10 + note, ranges: [] }))
      await time.advance(20)
    }
    // Whatever was not synced may be torn.
    disk.damage('/queue/acknowledged', (bytes) => {
      bytes.fill(0xff, 100, placeBytes)
      bytes.fill(0xff, placeBytes + 100, 2 * placeBytes)
      return bytes
    })
    const bytes = disk.bytes('/queue/acknowledged')
    const found = [0, 1, 2, 3].map((place) =>
      decodeAcknowledged('sender', bytes.subarray(place * placeBytes, (place + 1) * placeBytes)),
    )
    assert.equal(Math.max(...found.map((each) => each?.state.below ?? -1)), below)
  }
})
