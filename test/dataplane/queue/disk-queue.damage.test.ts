import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { DiskQueue } from '../../../src/dataplane/queue/disk/types.ts'
import type { QueueSettings } from '../../../src/dataplane/queue/queue.ts'
import { lines, type Events } from '../../../src/dataplane/wire/events.ts'
import { createCrashingDisk, type CrashingDisk } from '../../support/crashing-disk.ts'
import { manualTime, settled } from '../../support/manual-time.ts'

const block: QueueSettings = { maxSize: 1024 * 1024, onFull: 'Block' }
const all = { maxEvents: 1_000_000, maxBytes: 2 ** 24, maxWait: 0 }

function eventsOf(from: number, count: number, size = 32): Events {
  const numbers = Array.from({ length: count }, (_, index) => from + index)
  const text = numbers.map((n) => `${`{"seq":${n}}`.padEnd(size - 1)}\n`).join('')
  return { body: Buffer.from(text), count }
}

interface Opened {
  queue: DiskQueue<string>
  told: string[]
  corrupt: number
  lost: number
  logs: string[]
}

let ids = 0
const time = manualTime()

async function open(disk: CrashingDisk, settings = block): Promise<Opened> {
  const opened: Omit<Opened, 'queue'> & { queue?: DiskQueue<string> } = {
    told: [],
    corrupt: 0,
    lost: 0,
    logs: [],
  }
  const say = (_: object, message: string): void => void opened.logs.push(message)
  opened.queue = await openDiskQueue<string>({
    directory: '/queue',
    disk: disk.start(),
    time,
    log: { info: say, warn: say, error: say },
    settings,
    newId: () => `sender-${(ids += 1)}`,
    listener: {
      settled: ({ done }) => void opened.told.push(...done),
      changed: () => undefined,
    },
    observe: {
      synced: () => undefined,
      corrupt: () => (opened.corrupt += 1),
      lost: (events) => (opened.lost += events),
    },
  })
  await settled()
  return opened as Opened
}

/** The events that come out of a queue, all of them acknowledged. */
async function drain({ queue }: Opened): Promise<number[]> {
  const came: number[] = []
  for (let batch = queue.cut(all); batch; batch = queue.cut(all)) {
    came.push(...[...lines(batch.events)].map((line) => Number(/\d+/.exec(line.toString())?.[0])))
    queue.acknowledge(batch)
    await settled()
  }
  return came
}

/** A disk whose queue holds `records` records of ten events each. */
async function filled(records: number, size = 32): Promise<{ disk: CrashingDisk; path: string }> {
  const disk = createCrashingDisk({ random: () => 0 })
  const { queue } = await open(disk)
  for (let record = 0; record < records; record += 1) {
    queue.commit([eventsOf(record * 10, 10, size)], time.now(), String(record))
    await settled()
  }
  disk.crash('process')
  const path = disk.paths().find((each) => each.endsWith('.log'))
  assert.ok(path)
  return { disk, path }
}

test('a flipped bit costs the record that it is in and no other, which is set aside and counted once', async () => {
  const { disk: sound, path } = await filled(4)
  const bytes = sound.bytes(path)
  for (let at = 192; at < bytes.length; at += 7) {
    const { disk, path: own } = await filled(4)
    disk.damage(own, (content) => {
      content[at] = (content[at] ?? 0) ^ (1 << (at % 8))
      return content
    })
    const first = await open(disk)
    const came = await drain(first)
    const damaged = Math.floor((at - 192) / 360)
    const expected = Array.from({ length: 40 }, (_, n) => n).filter(
      (n) => Math.floor(n / 10) !== damaged,
    )
    assert.deepEqual(came, expected, `byte ${at}`)
    // A length that points behind the end is no torn write, as the head bears a checksum of its own.
    assert.equal(first.corrupt, 1, `byte ${at}`)
    assert.ok(first.logs.some((line) => line.includes('damaged')))
    assert.equal(disk.paths().filter((each) => each.includes('/corrupt/')).length, 1)
    disk.crash('process')
    const second = await open(disk)
    assert.deepEqual(
      await drain(second).then((again) => again.filter((n) => !came.includes(n))),
      [],
    )
    assert.equal(second.corrupt, 0)
  }
})

test('a damaged head of a segment costs none of its events', async () => {
  for (const at of [0, 9, 20, 30, 189]) {
    const { disk, path } = await filled(3)
    disk.damage(path, (content) => {
      content[at] = (content[at] ?? 0) ^ 0xff
      return content
    })
    const opened = await open(disk)
    assert.deepEqual(
      await drain(opened),
      Array.from({ length: 30 }, (_, n) => n),
    )
  }
})

test('a file that ends at any byte keeps every whole record before that, and nothing else', async () => {
  const { disk: sound, path } = await filled(2, 12)
  const { length } = sound.bytes(path)
  for (let end = 0; end <= length; end += 1) {
    const { disk, path: own } = await filled(2, 12)
    disk.damage(own, (content) => content.subarray(0, end))
    const opened = await open(disk)
    const whole = Math.max(0, Math.floor((end - 192) / 160))
    assert.deepEqual(
      await drain(opened),
      Array.from({ length: whole * 10 }, (_, n) => n),
    )
    assert.equal(opened.corrupt, 0, `cut at ${end}`)
  }
})

test('damage that comes while the queue runs is found when it is read, counted, and the rest goes on', async () => {
  const disk = createCrashingDisk({ random: () => 0 })
  const opened = await open(disk, { ...block, maxSize: 64 * 2 ** 20 })
  // More than the window of 16 MiB, so that the last ones wait on the disk alone.
  for (let record = 0; record < 20; record += 1) {
    opened.queue.commit([eventsOf(record * 1000, 1000, 1024)], time.now())
    await settled()
  }
  const last = disk
    .paths()
    .filter((each) => each.endsWith('.log'))
    .at(-1)
  assert.ok(last)
  disk.damage(last, (content) => {
    content[content.length - 5000] = 0
    return content
  })
  const came = await drain(opened)
  assert.equal(opened.corrupt, 1)
  assert.equal(came.length + opened.lost, 20_000)
  assert.ok(opened.lost > 0 && opened.lost <= 1000, `${opened.lost} events`)
  assert.equal(opened.queue.totals().events, 0)
})

test('an event that looks like a record is only an event', async () => {
  const { disk, path } = await filled(1)
  const record = disk.bytes(path).subarray(192)
  disk.crash('process')
  const opened = await open(disk)
  await drain(opened)
  // The bytes of a whole record of an earlier segment, as an application might send them back.
  const body = Buffer.concat([Buffer.from('{"a":"'), record.subarray(0, 60), Buffer.from('"}\n')])
  const one = {
    body: Buffer.from(body.toString('latin1').replaceAll('\n', ' ').trimEnd() + '\n', 'latin1'),
    count: 1,
  }
  opened.queue.commit([one, eventsOf(50, 1)], time.now())
  await settled()
  disk.crash('process')
  const again = await open(disk)
  assert.equal(again.queue.totals().events, 2)
})

test('the bound holds at its edge: what fits to the byte is taken, one byte more is not', async () => {
  const settings = { maxSize: 64 * 1024, onFull: 'Block' as const }
  const disk = createCrashingDisk({ random: () => 0 })
  const { queue } = await open(disk, settings)
  let taken = 0
  while (queue.commit([eventsOf(taken, 1, 1000)], time.now()).result === 'accepted') {
    taken += 1
    await settled()
  }
  const used = queue.usage().bytes
  assert.ok(used <= settings.maxSize, `${used} bytes`)
  assert.ok(used > settings.maxSize * 0.9, `${used} bytes`)
  let room = 0
  for (let size = 999; size > 9; size -= 1) {
    if (queue.commit([eventsOf(taken, 1, size)], time.now()).result === 'accepted') {
      room = size
      break
    }
  }
  await settled()
  assert.ok(room > 0 || queue.usage().bytes > settings.maxSize - 1300)
  assert.ok(queue.usage().bytes <= settings.maxSize)
})

test('space comes back as events are acknowledged, and an empty queue leaves no segment when it closes', async () => {
  const disk = createCrashingDisk({ random: () => 0 })
  const opened = await open(disk, { maxSize: 64 * 1024, onFull: 'Block' })
  for (let round = 0; round < 50; round += 1) {
    assert.equal(
      opened.queue.commit([eventsOf(round * 20, 20, 1000)], time.now()).result,
      'accepted',
    )
    await settled()
    await drain(opened)
  }
  assert.ok(opened.queue.usage().bytes < 30_000)
  const closing = opened.queue.close()
  await time.advance(200)
  await closing
  assert.deepEqual(
    disk.paths().filter((each) => each.endsWith('.log')),
    [],
  )
})

test('DropOldest drops whole segments, counts them, and never what is in flight', async () => {
  const disk = createCrashingDisk({ random: () => 0 })
  const opened = await open(disk, { maxSize: 64 * 1024, onFull: 'DropOldest' })
  opened.queue.commit([eventsOf(0, 1, 1000)], time.now())
  await settled()
  const held = opened.queue.cut(all)
  let dropped = 0
  for (let n = 1; n <= 200; n += 1) {
    const answer = opened.queue.commit([eventsOf(n, 1, 1000)], time.now())
    assert.equal(answer.result, 'accepted')
    dropped += answer.dropped
    await settled()
  }
  assert.ok(held)
  opened.queue.acknowledge(held)
  const came = await drain(opened)
  assert.equal(came.length + dropped, 200)
  // The first two stay: they stand in the file of the one in flight, which cannot be removed for their sake.
  const newest = came.slice(2)
  assert.deepEqual(came.slice(0, 2), [1, 2])
  assert.deepEqual(
    newest,
    Array.from({ length: newest.length }, (_, index) => 201 - newest.length + index),
  )
})

test('while the disk is full nothing is taken, what waits is written once there is room, and it is said once', async () => {
  const disk = createCrashingDisk({ random: () => 0.5 })
  const opened = await open(disk)
  disk.setCapacity(disk.used() + 100)
  assert.equal(opened.queue.commit([eventsOf(0, 10)], time.now(), 'first').result, 'accepted')
  await settled()
  assert.equal(opened.queue.commit([eventsOf(10, 10)], time.now(), 'second').result, 'full')
  await time.advance(20_000)
  assert.deepEqual(opened.told, [])
  assert.match(opened.queue.problem() ?? '', /takes no events.*ENOSPC/)
  assert.equal(opened.logs.filter((line) => line === 'The disk takes no events').length, 1)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  await time.advance(6_000)
  assert.deepEqual(opened.told, ['first'])
  assert.equal(opened.queue.problem(), undefined)
  assert.deepEqual(
    await drain(opened),
    Array.from({ length: 10 }, (_, n) => n),
  )
})

test('what waits for a full disk can be withdrawn', async () => {
  const disk = createCrashingDisk({
    random: () => 0.5,
    fault: (call) => (call === 'write' ? 'EIO' : undefined),
  })
  const opened = await open(disk)
  opened.queue.commit([eventsOf(0, 10)], time.now(), 'first')
  await settled()
  assert.equal(
    opened.queue.withdraw('first', () => false),
    10,
  )
  assert.equal(opened.queue.totals().events, 0)
})

test('after a restart the same events bear the same key, and no key ever names others', async () => {
  const { disk } = await filled(2)
  const first = await open(disk)
  const before = first.queue.cut(all)
  disk.crash('process')
  const second = await open(disk)
  const after = second.queue.cut(all)
  assert.equal(second.queue.senderId, first.queue.senderId)
  assert.deepEqual([after?.first, after?.last], [before?.first, before?.last])
  second.queue.commit([eventsOf(99, 1)], time.now())
  await settled()
  assert.ok((second.queue.cut(all)?.first ?? 0) > (after?.last ?? 0) + 1_000_000)
})
