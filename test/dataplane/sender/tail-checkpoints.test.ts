import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import test from 'node:test'
import type { Disk } from '../../../src/dataplane/disk/disk.ts'
import type { Checkpoint } from '../../../src/dataplane/sender/collect/files/checkpoint-format.ts'
import {
  openCheckpoints,
  type Checkpoints,
} from '../../../src/dataplane/sender/collect/files/checkpoints.ts'
import {
  fingerprintOf,
  noFingerprint,
} from '../../../src/dataplane/sender/collect/files/fingerprint.ts'
import { systemTime, type Time } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { capturedLog, silentLog } from '../../support/log.ts'
import { manualTime } from '../../support/manual-time.ts'
import { createRandom } from '../../support/random.ts'

const directory = '/state/checkpoints'
/** Nothing comes by itself: each writing is a call of `close`. */
const still: Time = { ...systemTime, after: () => () => undefined }

function checkpoint(offset: number): Checkpoint {
  return {
    path: '/logs/app.log',
    device: '1',
    inode: '2',
    fingerprint: fingerprintOf(Buffer.from('first')),
    offset,
    tail: noFingerprint,
    size: offset,
  }
}

async function open(disk: Disk, offset: () => number, log = silentLog()): Promise<Checkpoints> {
  return await openCheckpoints({
    ...{ directory, disk, time: still, log },
    read: () => [checkpoint(offset())],
  })
}

/** Writes one after the other until the disk crashes; answers with the last that was surely written. */
async function writeUntilCrash(disk: Disk, crashed: Promise<void>, from: number): Promise<number> {
  let sure = from - 1
  async function write(): Promise<void> {
    for (let offset = from; ; offset += 1) {
      const checkpoints = await open(disk, () => offset)
      checkpoints.changed()
      await checkpoints.close()
      if (checkpoints.problem() === undefined) sure = offset
    }
  }
  await Promise.race([write(), crashed])
  return sure
}

for (const how of ['process', 'power'] as const) {
  test(`whatever call a crash (${how}) hits, the last checkpoint that was written is there, or the next`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
        async (seed, lives) => {
          const random = createRandom(seed)
          const disk = createCrashingDisk({ random: () => random.next() })
          let sure = 0
          for (const calls of lives) {
            const view = disk.start()
            const crashed = disk.crashed()
            disk.crashAt(calls, how)
            const before = sure
            sure = Math.max(sure, await writeUntilCrash(view, crashed, sure + 1))
            const after = await open(disk.start(), () => 0)
            const found = after.loaded[0]?.offset ?? 0
            assert.ok(found >= sure, `found ${found}, ${sure} was written`)
            assert.equal(after.problem(), undefined)
            assert.ok(found >= before)
            sure = found
          }
        },
      ),
      { numRuns: 150 },
    )
  })
}

test('a damaged file is put aside and the one before it counts; with both damaged all is read again', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  for (const offset of [1, 2]) {
    const checkpoints = await open(disk.start(), () => offset)
    checkpoints.changed()
    await checkpoints.close()
  }
  const newest = `${directory}/checkpoints-b`
  disk.damage(newest, (bytes) => {
    bytes[bytes.length - 5] = 0
    return bytes
  })
  const { log, lines } = capturedLog()
  assert.deepEqual((await open(disk.start(), () => 0, log)).loaded, [checkpoint(1)])
  assert.match(lines[0]?.msg ?? '', /damaged and was put aside/)
  assert.ok(disk.paths().includes(`${newest}.damaged`))
  disk.damage(`${directory}/checkpoints-a`, (bytes) => bytes.subarray(0, 20))
  assert.deepEqual((await open(disk.start(), () => 0, log)).loaded, [])
})

test('while the disk is full it is said once, and written as soon as there is room', async () => {
  const disk = createCrashingDisk({ random: () => 0.5, capacity: 10 })
  const { log, lines } = capturedLog()
  const due: (() => void)[] = []
  const time: Time = {
    ...systemTime,
    after(_, call) {
      due.push(call)
      return () => undefined
    },
  }
  const checkpoints = await openCheckpoints({
    ...{ directory, disk: disk.start(), time, log },
    read: () => [checkpoint(7)],
  })
  checkpoints.changed()
  for (let attempt = 0; attempt < 3; attempt += 1) {
    // Each failure asks for the next attempt: of what is synced and of what is not.
    await eventually('it is to be written', () => assert.equal(due.length, 2))
    for (const call of due.splice(0)) call()
  }
  await eventually('it failed', () => assert.equal(due.length, 2))
  assert.match(checkpoints.problem() ?? '', /ENOSPC/)
  assert.equal(lines.filter(({ msg }) => msg.includes('cannot be written')).length, 1)
  disk.setCapacity(10_000)
  await checkpoints.close()
  assert.equal(checkpoints.problem(), undefined)
  assert.deepEqual((await open(disk.start(), () => 0)).loaded, [checkpoint(7)])
})

test('a kill repeats at most what became safe within 20 ms, and a loss of power what did within a second', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const time = manualTime()
  let offset = 0
  const checkpoints = await openCheckpoints({
    ...{ directory, disk: disk.start(), time, log: silentLog() },
    read: () => [checkpoint(offset)],
  })
  const found = async (): Promise<number> =>
    (await open(disk.start(), () => 0)).loaded[0]?.offset ?? 0
  for (let ms = 0; ms < 3_000; ms += 10) {
    offset = ms
    checkpoints.changed()
    await time.advance(10)
  }
  disk.crash('process')
  const afterKill = await found()
  assert.ok(2_990 - afterKill <= 30, `${2_990 - afterKill} ms`)
  // Whatever of the unsynced one is lost: the synced ones are there.
  disk.crash('power')
  disk.damage(`${directory}/checkpoints-now`, () => Buffer.alloc(0))
  const afterPower = await found()
  assert.ok(2_990 - afterPower <= 1_060, `${2_990 - afterPower} ms`)
})
