import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { createBudget } from '../../../src/dataplane/receiver/budget.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { startApplication } from '../../support/application.ts'
import { eventually } from '../../support/eventually.ts'
import { rawConnection, rawPost } from '../../support/raw-http.ts'
import { startTestReceiver, type TestReceiver } from '../../support/receiver.ts'

const mebi = 2 ** 20
const event = '{"a":1}\n'

const used = (receiver: TestReceiver) =>
  (receiver.status() as { budget: { used: number } }).budget.used

function head(length: number): string {
  return `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`
}

describe('the account of leases', () => {
  it('is at zero when all are released, whatever was asked for in whatever order', async () => {
    const steps = fc.array(
      fc.record({
        lease: fc.nat(4),
        // Of a limit of 100; none releases, and the next use of that place is another request.
        bytes: fc.option(fc.nat(250), { freq: 3 }),
        announced: fc.constantFrom(0, 40, 180),
      }),
      { maxLength: 60 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const budget = createBudget(100, 60_000, systemTime)
        const leases = new Map<number, ReturnType<typeof budget.lease>>()
        const answers: (boolean | Promise<boolean>)[] = []
        for (const { lease: place, bytes, announced } of sequence) {
          const lease = leases.get(place) ?? budget.lease(announced)
          leases.set(place, lease)
          if (bytes === null) {
            lease.release()
            leases.delete(place)
            assert.equal(await lease.hold(1), false)
          } else answers.push(lease.hold(bytes))
          assert.ok(budget.used >= 0)
        }
        for (const lease of leases.values()) lease.release()
        await Promise.all(answers.map((answer) => Promise.resolve(answer)))
        assert.equal(budget.used, 0)
        assert.equal(budget.lease(0).hold(100), true)
      }),
      { numRuns: 500 },
    )
  })

  it('says false to one that is released while it waits to be alone', async () => {
    const budget = createBudget(100, 60_000, systemTime)
    const other = budget.lease(0)
    assert.equal(other.hold(50), true)
    const large = budget.lease(200)
    const waiting = large.hold(200)
    large.release()
    assert.equal(await waiting, false)
    other.release()
    assert.equal(budget.used, 0)
  })

  it('grants to the one that waits once it is alone, and lets nobody begin meanwhile', async () => {
    const budget = createBudget(100, 60_000, systemTime)
    const other = budget.lease(0)
    assert.equal(other.hold(50), true)
    const large = budget.lease(200)
    assert.equal(large.hold(20), true)
    const waiting = large.hold(200)
    assert.equal(budget.lease(0).hold(1), false)
    assert.equal(other.hold(0), true)
    assert.equal(await waiting, true)
    assert.equal(budget.used, 200)
  })
})

describe('requests that do not come to their end', { concurrency: true }, () => {
  it('gives back all of a large request that is aborted while another is under way', async (t) => {
    const application = await startApplication(t)
    const gate = Promise.withResolvers<{ status: number }>()
    application.answer(() => gate.promise)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const other = rawPost(receiver.port, event)
    await eventually('the other is under way', () => assert.equal(application.bodies.length, 1))
    const large = await rawConnection(receiver.port)
    large.send(head(90 * mebi))
    const line = Buffer.from(`{"a":"${'x'.repeat(65_528)}"}\n`)
    // All but the end: it waits for the other to go.
    for (let sent = 0; sent < 80 * mebi; sent += line.length) large.send(line)
    await eventually('the budget is full', () => assert.ok(used(receiver) > 63 * mebi))
    large.end()
    gate.resolve({ status: 200 })
    assert.equal((await other).status, 200)
    await eventually('all is given back', () => assert.equal(used(receiver), 0))
    assert.equal((await rawPost(receiver.port, event)).status, 200)
  })

  it('holds nothing for a body that is announced and does not come', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(t, { deliver: { type: 'http', url: application.url } })
    const idle = [await rawConnection(receiver.port), await rawConnection(receiver.port)]
    idle[0]?.send(`${head(64 * mebi)}${event}`)
    idle[1]?.send(`${head(95 * mebi)}${event}`)
    await eventually('both have begun', () => assert.equal(used(receiver), 2 * event.length))
    assert.equal((await rawPost(receiver.port, event.repeat(100_000))).status, 200)
    for (const connection of idle) connection.end()
  })

  it('closes a connection whose body stops coming, and gives back what it held', async (t) => {
    const application = await startApplication(t)
    const receiver = await startTestReceiver(
      t,
      { deliver: { type: 'http', url: application.url } },
      { bodyStall: 200 },
    )
    const stalled = await rawConnection(receiver.port)
    stalled.send(head(2 * mebi))
    stalled.send(event.repeat(mebi / event.length))
    await eventually('half of it came', () => assert.ok(used(receiver) > mebi / 2))
    await assert.rejects(stalled.answer(), /closed without an answer/)
    await eventually('all is given back', () => assert.equal(used(receiver), 0))
  })
})
