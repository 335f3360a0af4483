import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import test from 'node:test'
import { createCopies } from '../../../src/dataplane/sender/copies.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender, type TestSender } from '../../support/senders.ts'

const small = { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 0 }

async function counted(sender: TestSender, what: string): Promise<number> {
  const metric = await sender.metric('logstash_link_sender_events_total')
  return Number(new RegExp(`"${what}"\\} (\\d+)`).exec(metric)?.[1] ?? 0)
}

test('what a silent host has is delivered by another, and counted once when the first answers after all', async (t) => {
  const release = Promise.withResolvers<number>()
  const silent = await startTestReceiver(t, { behaviour: () => release.promise })
  const good = await startTestReceiver(t)
  const sender = await startTestSender(t, [silent.port, good.port], { batch: small })
  let written = 0
  await eventually('all arrives at the one that answers, what the other has as well', () => {
    sender.write(written, written + 10)
    written += 10
    assert.ok(silent.requests.length > 0)
    const [first] = silent.requests[0]?.lines ?? []
    assert.ok(first !== undefined && good.accepted.includes(first))
  })
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(good.accepted, written), [])
  assert.equal(await counted(sender, 'delivered'), written)
  release.resolve(200)
  await eventually('the first has answered', () => assert.ok(silent.accepted.length > 0))
  // Its answer is on its way; a stopped sender has none.
  assert.deepEqual(await sender.stop({ graceMs: 1000 }), { remaining: 0 })
  assert.equal(await counted(sender, 'delivered'), written)
})

// Of two hosts with the same batch one refuses it: that says nothing of its events once the other took them.
for (const { title, late, early } of [
  { title: 'the silent one refuses at last what the other took', late: 400, early: 200 },
  { title: 'the other refuses what the silent one takes at last', late: 200, early: 400 },
]) {
  test(`a batch at two hosts is delivered once and no poison, though ${title}`, async (t) => {
    const folder = testFolder(t)
    const release = Promise.withResolvers<number>()
    const silent = await startTestReceiver(t, { behaviour: () => release.promise })
    const isHeld = (line: string): boolean =>
      silent.requests.some(({ lines }) => lines.includes(line))
    const other = await startTestReceiver(t, {
      behaviour: ({ lines }) => (lines.some(isHeld) ? early : 200),
    })
    const sender = await startTestSender(t, [silent.port, other.port], {
      batch: small,
      deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
    })
    let written = 0
    await eventually('both have the same batch', () => {
      sender.write(written, written + 10)
      written += 10
      assert.ok(other.requests.some(({ lines }) => lines.some(isHeld)))
    })
    release.resolve(late)
    await eventually('one has refused it', async () => {
      assert.match(await sender.metric('logstash_link_sender_requests_total'), /"refused"\} [1-9]/)
    })
    sender.input.end()
    await sender.drained
    const accepted = [...silent.accepted, ...other.accepted]
    assert.deepEqual(missingOf(accepted, written), [])
    assert.equal(accepted.length, written)
    assert.equal(await counted(sender, 'delivered'), written)
    assert.equal(existsSync(folder.path('dead')), false, 'nothing is dead-lettered')
  })
}

test('where every host is silent nothing is sent twice', async (t) => {
  const release = Promise.withResolvers<number>()
  const receivers = await Promise.all(
    [1, 2].map(() => startTestReceiver(t, { behaviour: () => release.promise })),
  )
  const sender = await startTestSender(
    t,
    receivers.map(({ port }) => port),
    { batch: small },
  )
  sender.write(0, 20)
  const began = performance.now()
  await eventually('they are silent for over a second', () => {
    assert.ok(receivers.reduce((sum, { requests }) => sum + requests.length, 0) >= 2)
    assert.ok(performance.now() - began > 1_500)
  })
  release.resolve(200)
  sender.input.end()
  await sender.drained
  const all = receivers.flatMap(({ accepted }) => accepted)
  assert.equal(all.length, 20)
  assert.deepEqual(missingOf(all, 20), [])
})

test('at most 16 parts are at more than one host', () => {
  const copies = createCopies<object>()
  const parts = Array.from({ length: 17 }, () => ({}))
  for (const part of parts) copies.began(part)
  for (const part of parts.slice(0, 16)) {
    assert.ok(copies.mayCopy())
    copies.began(part)
  }
  assert.ok(!copies.mayCopy())
  assert.equal(copies.ended(parts[0] ?? {}), 1)
  assert.ok(copies.mayCopy())
  assert.equal(copies.ended(parts[0] ?? {}), 0)
})

test('the first delivery of a part counts, and the last failure is the failure of the part', () => {
  const copies = createCopies<object>()
  const part = {}
  copies.began(part)
  copies.began(part)
  assert.equal(copies.isDelivered(part), false)
  assert.equal(copies.ended(part), 1, 'failed, another has it')
  assert.equal(copies.delivered(part), true)
  assert.equal(copies.delivered(part), false)
  assert.equal(copies.isDelivered(part), true)
  assert.equal(copies.ended(part), 0)
  assert.equal(copies.isDelivered(part), false, 'forgotten')
})
