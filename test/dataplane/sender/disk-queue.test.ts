import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createRealDisk } from '../../../src/dataplane/disk/real-disk.ts'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-ports.ts'
import { silentLog } from '../../support/log.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender, type TestSender } from '../../support/senders.ts'

function diskQueue(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'logstash-link-sender-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return {
    directory,
    queue: { type: 'Disk' as const, directory, maxSize: 2 ** 20, onFull: 'Block' as const },
    collect: { stdin: false, http: { port: 0 } },
  }
}

async function post(sender: TestSender, from: number, to: number): Promise<number> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index)
  const body = numbers.map((seq) => `{"seq":${seq}}\n`).join('')
  const url = `http://127.0.0.1:${sender.ports.http}/`
  return (await fetch(url, { method: 'POST', body })).status
}

test('a queue on disk answers before anything is delivered, and the next sender delivers it', async (t) => {
  const { queue, collect, directory } = diskQueue(t)
  const [port = 0] = await freePorts(1)
  const first = await startTestSender(t, [port], { queue, collect })
  assert.equal(await post(first, 0, 100), 200)
  assert.match(await first.metric('logstash_link_sender_queue_disk_bytes'), / [1-9]\d+$/m)
  assert.match(await first.metric('logstash_link_sender_queue_segments'), / 1$/m)
  assert.deepEqual(await first.stop({ graceMs: 0 }), { remaining: 100 })

  const receiver = await startTestReceiver(t)
  const second = await startTestSender(t, [receiver.port], { queue, collect })
  await eventually('all came', () => assert.deepEqual(missingOf(receiver.accepted, 100), []))
  await eventually('it is empty', () => {
    const { queue: seen } = second.status() as { queue: { type: string; events: number } }
    assert.deepEqual([seen.type, seen.events], ['Disk', 0])
  })
  await second.stop({ graceMs: 1_000 })
  const names = readdirSync(join(directory, 'slot-0'))
  assert.deepEqual(
    names.filter((name) => name.endsWith('.log')),
    [],
  )
})

test('a full queue on disk refuses with 429, and takes more once something is delivered', async (t) => {
  const { queue, collect } = diskQueue(t)
  const [port = 0] = await freePorts(1)
  const sender = await startTestSender(t, [port], { queue: { ...queue, maxSize: 8_192 }, collect })
  const body = `${JSON.stringify({ text: 'x'.repeat(3_000) })}\n`
  const url = `http://127.0.0.1:${sender.ports.http}/`
  const statuses: number[] = []
  for (let n = 0; n < 3; n += 1) statuses.push((await fetch(url, { method: 'POST', body })).status)
  assert.deepEqual(statuses, [200, 200, 429])
  assert.match(await sender.metric('logstash_link_sender_queue_full_total'), / [1-9]\d*$/m)
})

test('events of a sender that is gone are taken over by the one that shares its folder', async (t) => {
  const { queue, collect, directory } = diskQueue(t)
  // Left by someone: without a lock they are nobody's. The sender works in one and empties the other.
  for (const slot of [0, 1]) {
    const left = await openDiskQueue<string>({
      directory: join(directory, `slot-${slot}`),
      disk: createRealDisk(),
      time: systemTime,
      log: silentLog(),
      settings: queue,
      newId: () => `gone-${slot}`,
      listener: { settled: () => undefined, changed: () => undefined },
    })
    const body = Buffer.from(`{"seq":${slot * 2}}\n{"seq":${slot * 2 + 1}}\n`)
    left.commit([{ body, count: 2 }], systemTime.now())
    await left.close()
  }
  const receiver = await startTestReceiver(t)
  await startTestSender(t, [receiver.port], { queue, collect })
  await eventually('all came', () => assert.deepEqual(missingOf(receiver.accepted, 4), []))
  await eventually('the other slot is empty', () => {
    const names = readdirSync(join(directory, 'slot-1'))
    assert.deepEqual(
      names.filter((name) => name.endsWith('.log')),
      [],
    )
  })
})
