import assert from 'node:assert/strict'
import test from 'node:test'
import type { Disk } from '../../../src/dataplane/disk/disk.ts'
import { createSlotLocks, type SlotLocks } from '../../../src/dataplane/queue/disk/slot-locks.ts'
import { lockRenewal, lockTrust } from '../../../src/dataplane/queue/disk/slots.ts'
import { openQueue } from '../../../src/dataplane/sender/open-queue.ts'
import type { Time } from '../../../src/dataplane/time.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'
import { manualTime, settled } from '../../support/manual-time.ts'

function locksOf(host: string, disk: Disk, time: Time): SlotLocks {
  return createSlotLocks({
    directory: '/queue',
    disk,
    time,
    log: silentLog(),
    own: { host, pid: 1, start: '1' },
    isAlive: () => true,
  })
}

test('a slot that others took and gave up since it was looked at is not handed out again', async () => {
  const crashing = createCrashingDisk({ random: () => 0 })
  const view = crashing.start()
  const time = manualTime()
  await (await locksOf('a', view, time).take()).release()
  // b sees that lock.1 was given up, and stalls before it makes lock.2.
  const gate = Promise.withResolvers<void>()
  let isStalled = false
  const slow: Disk = {
    ...view,
    async open(path, how) {
      if (how === 'create' && !isStalled) {
        isStalled = true
        await gate.promise
      }
      return await view.open(path, how)
    },
  }
  const taking = locksOf('b', slow, time).take()
  await eventually('b stalls', () => assert.ok(isStalled))
  await (await locksOf('c', view, time).take()).release()
  const owner = await locksOf('d', view, time).take()
  gate.resolve()
  const late = await taking
  assert.notEqual(late.directory, owner.directory)
  assert.deepEqual([late.isLost(), owner.isLost()], [false, false])
  assert.deepEqual(
    crashing.paths().filter((path) => path.startsWith('/queue/slot-0')),
    ['/queue/slot-0/lock.3'],
  )
})

test('a slot whose folder cannot be listed after its lock was made is not held', async () => {
  const crashing = createCrashingDisk({ random: () => 0 })
  const disk = crashing.start()
  const time = manualTime()
  crashing.setFault((call, path) =>
    call === 'list' && path.endsWith('slot-0') ? 'EIO' : undefined,
  )
  await assert.rejects(locksOf('a', disk, time).take(), { code: 'EIO' })
  assert.deepEqual(crashing.paths(), [])
  const before = crashing.changes()
  await time.advance(2 * lockRenewal)
  assert.equal(crashing.changes(), before, 'it is renewed by nobody')
})

test('the holder of a lock that it cannot write hears all the same that another took the slot', async () => {
  const crashing = createCrashingDisk({ random: () => 0 })
  const disk = crashing.start()
  const time = manualTime()
  const held = await locksOf('a', disk, time).take()
  await (await disk.open('/queue/slot-0/lock.2', 'create')).close()
  crashing.setFault((call) => (call === 'write' ? 'EIO' : undefined))
  await time.advance(lockRenewal)
  assert.equal(held.isLost(), true)
  assert.equal(await held.confirmed(), false)
})

for (const isTaken of [false, true]) {
  test(`after a long pause nothing is taken or called safe before the lock is renewed${isTaken ? ', nor ever when the slot was taken' : ''}`, async () => {
    const crashing = createCrashingDisk({ random: () => 0 })
    const manual = manualTime()
    let pause = 0
    const told: string[] = []
    const disk = crashing.start()
    const opened = await openQueue({
      settings: { type: 'Disk', directory: '/queue', maxSize: 2 ** 20, onFull: 'Block' },
      disk,
      // The clock goes on while the process stands still, its timers do not.
      time: { ...manual, now: () => manual.now() + pause },
      log: silentLog(),
      newId: () => 'sender',
      listener: {
        settled: ({ done, dropped }) => {
          for (const ticket of done) ticket.settle('done')
          for (const ticket of dropped) ticket.settle('dropped')
        },
        changed: () => told.push('changed'),
      },
      observe: { synced: () => undefined, corrupt: () => undefined, lost: () => undefined },
    })
    const { queue } = opened
    const commit = (): string =>
      queue.commit([{ body: Buffer.from('{}\n'), count: 1 }], manual.now(), {
        settle: (result) => told.push(result),
      }).result

    pause = lockTrust - 1
    assert.equal(commit(), 'accepted')
    pause = lockTrust
    await eventually('it is on the disk', () => assert.equal(queue.totals().unsafeBytes, 0))
    assert.equal(commit(), 'full')
    await settled()
    assert.ok(!told.includes('done'))
    if (isTaken) await (await disk.open('/queue/slot-0/lock.2', 'create')).close()
    told.length = 0
    await manual.advance(lockRenewal)
    assert.deepEqual(told.toSorted(), isTaken ? ['dropped'] : ['changed', 'done'])
    assert.equal(commit(), isTaken ? 'full' : 'accepted')
    await eventually('it is closed', () => manual.advance(1_000).then(() => opened.close()))
  })
}
