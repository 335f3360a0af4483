import assert from 'node:assert/strict'
import test from 'node:test'
import { createSlotLocks } from '../../../src/dataplane/queue/disk/slot-locks.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { silentLog } from '../../support/log.ts'
import { manualTime } from '../../support/manual-time.ts'

test('a lock that a full disk refuses leaves nothing behind, and the same slot is had once there is room', async () => {
  const crashing = createCrashingDisk({ random: () => 0 })
  const disk = crashing.start()
  const locks = createSlotLocks({
    directory: '/queue',
    disk,
    time: manualTime(),
    log: silentLog(),
    own: { host: 'here', pid: 1, start: '1' },
    isAlive: () => true,
  })
  crashing.setFault((call) => (call === 'write' ? 'ENOSPC' : undefined))
  await assert.rejects(locks.take(), { code: 'ENOSPC' })
  assert.deepEqual(crashing.paths(), [])
  crashing.setFault(undefined)
  const held = await locks.take()
  assert.equal(held.directory, '/queue/slot-0')
})
