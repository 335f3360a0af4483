import assert from 'node:assert/strict'
import test from 'node:test'
import { createSlotLocks, type SlotLocks } from '../../../src/dataplane/queue/disk/slot-locks.ts'
import {
  formatLock,
  freeSlots,
  lockLimit,
  newSlot,
  parseLock,
  type SeenSlot,
} from '../../../src/dataplane/queue/disk/slots.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { silentLog } from '../../support/log.ts'
import { manualTime } from '../../support/manual-time.ts'

const here = { host: 'web-0', pid: 7, start: '100' }
const rules = { host: 'web-0', isAlive: ({ start }: { start: string }) => start === '100' }

function slot(number: number, changes: Partial<SeenSlot> = {}): SeenSlot {
  return { number, holdsEvents: false, lock: undefined, unchangedFor: 0, ...changes }
}

function lockOf(changes: object): NonNullable<SeenSlot['lock']> {
  return { generation: 1, content: { ...here, beat: 1, released: false, ...changes } }
}

for (const [what, seen, isFree] of [
  ['without a lock', slot(0), true],
  ['that was given up', slot(0, { lock: lockOf({ released: true, host: 'other' }) }), true],
  ['of a process here that runs', slot(0, { lock: lockOf({}), unchangedFor: 1e9 }), false],
  ['of a process here that is gone', slot(0, { lock: lockOf({ start: '99' }) }), true],
  ['of another host', slot(0, { lock: lockOf({ host: 'b' }), unchangedFor: lockLimit - 1 }), false],
  [
    'of another host, silent for 30 s',
    slot(0, { lock: lockOf({ host: 'b' }), unchangedFor: lockLimit }),
    true,
  ],
  ['that cannot be read', slot(0, { lock: { generation: 1, content: undefined } }), false],
] as const) {
  test(`a slot ${what} is ${isFree ? 'free' : 'held'}`, () => {
    assert.equal(freeSlots([seen], rules).length === 1, isFree)
  })
}

test('a slot with events is worth more than one without, then the lowest number', () => {
  const slots = [slot(3), slot(2, { holdsEvents: true }), slot(0), slot(5, { holdsEvents: true })]
  assert.deepEqual(
    freeSlots(slots, rules).map(({ number }) => number),
    [2, 5, 0, 3],
  )
  assert.equal(newSlot(slots), 1)
})

test('a lock reads back as it was written, and anything else is none', () => {
  const content = { ...here, beat: 3, released: false }
  assert.deepEqual(parseLock(formatLock(content)), content)
  for (const text of ['', '{', '{"host":1}', '\0'.repeat(512)]) {
    assert.equal(parseLock(Buffer.from(text)), undefined)
  }
})

test('a lock of another host is taken over once it was silent for 30 s, and its holder hears of it', async () => {
  const disk = createCrashingDisk({ random: () => 0 })
  const time = manualTime()
  const view = disk.start()
  const locksOf = (host: string): SlotLocks =>
    createSlotLocks({
      directory: '/queue',
      disk: view,
      time,
      log: silentLog(),
      own: { ...here, host },
      isAlive: () => true,
    })
  const first = await locksOf('a').take()
  const file = await view.open(`${first.directory}/000000000001-0123456789abcdef.log`, 'create')
  await file.close()
  const other = locksOf('b')
  assert.equal((await other.take()).directory, '/queue/slot-1')
  // It renews its lock: nobody's orphan, however long one looks.
  for (let look = 0; look < 10; look += 1) {
    assert.equal(await other.takeOrphan(), undefined)
    await time.advance(10_000)
  }
  // It hangs, as a stopped process does: what it writes does not arrive.
  disk.setFault((call, path) => (call === 'write' && path.includes('slot-0') ? 'EIO' : undefined))
  assert.equal(await other.takeOrphan(), undefined)
  await time.advance(lockLimit)
  disk.setFault(undefined)
  const taken = await other.takeOrphan()
  assert.equal(taken?.directory, '/queue/slot-0')
  assert.equal(first.isLost(), false)
  await time.advance(5_000)
  assert.equal(first.isLost(), true)
  assert.equal(taken.isLost(), false)
})
