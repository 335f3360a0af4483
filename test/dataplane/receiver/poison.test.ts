import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSieve } from '../../../src/dataplane/receiver/poison.ts'
import type { Events } from '../../../src/dataplane/wire/events.ts'

const second = 1000

/** A sieve before an application that refuses what `refuses` says, by a clock that is set by hand. */
function setUp() {
  const application = { refuses: (text: string) => text.includes('bad'), attempts: 0 }
  const clock = { time: 1_000_000 }
  const sieve = createSieve(
    ({ body }) => {
      application.attempts += 1
      return Promise.resolve(
        application.refuses(body.toString())
          ? { outcome: 'refused', reason: 'the application answered 400' }
          : { outcome: 'delivered' },
      )
    },
    () => clock.time,
  )

  /** How many events of a batch are poison, or 'kept'. */
  async function send(...events: string[]): Promise<number | 'kept'> {
    clock.time += second
    const runs: Events[] = [
      { body: Buffer.from(events.map((event) => `${event}\n`).join('')), count: events.length },
    ]
    const result = await sieve.deliver(runs)
    return result.outcome === 'delivered' ? result.poison.length : 'kept'
  }
  return { application, clock, send }
}

describe('which refused events are poison', () => {
  it('one among others of its batch, whatever was before', async () => {
    const { send } = setUp()
    assert.equal(await send('good', 'bad', 'good'), 1)
    assert.equal(await send('bad', 'bad', 'bad'), 'kept')
    assert.equal(await send('bad', 'good'), 1)
  })

  it('none that was refused before the application began to take events, in the midst of a batch', async () => {
    const { application, send } = setUp()
    let asked = 0
    // The batch, its first half, the first event, the second: from then on all is taken.
    application.refuses = (text) => (asked += 1) <= 4 || text.includes('bad')
    assert.equal(await send('1', '2', '3', 'bad', '5'), 1)
  })

  it('a batch of one event between good ones, at once', async () => {
    const { send } = setUp()
    assert.equal(await send('good'), 0)
    assert.equal(await send('bad'), 1)
    assert.equal(await send('good'), 0)
    assert.equal(await send('bad'), 1)
  })

  it('a batch of several when it comes again and others passed meanwhile', async () => {
    const { send } = setUp()
    assert.equal(await send('good'), 0)
    assert.equal(await send('bad 1', 'bad 2'), 'kept')
    assert.equal(await send('good'), 0)
    assert.equal(await send('bad 1', 'bad 2'), 2)
    assert.equal(await send('bad 3', 'bad 4'), 'kept')
  })

  it('none of an application that suddenly refuses everything', async () => {
    const { application, clock, send } = setUp()
    for (let i = 0; i < 10; i += 1) await send('good', 'good')
    application.refuses = () => true
    for (let i = 0; i < 100; i += 1) {
      assert.equal(await send('a', 'b', 'c', 'd'), 'kept')
      assert.equal(await send('e'), 'kept')
    }
    clock.time += 10 * 60 * second
    assert.equal(await send('a', 'b'), 'kept')
  })

  it('one at most of an application that suddenly refuses all, one by one', async () => {
    const { application, send } = setUp()
    await send('good')
    application.refuses = () => true
    const results = []
    for (let i = 0; i < 100; i += 1) results.push(await send('a'))
    assert.deepEqual(
      results.filter((result) => result !== 'kept'),
      [1],
    )
  })

  it('none by a success of more than a minute ago', async () => {
    const { clock, send } = setUp()
    await send('good')
    clock.time += 61 * second
    assert.equal(await send('bad'), 'kept')
  })

  it('none of a batch by a refusal of more than a minute ago, which is another story', async () => {
    const { application, clock, send } = setUp()
    assert.equal(await send('bad', 'bad'), 'kept')
    clock.time += 61 * second
    assert.equal(await send('good'), 0)
    application.refuses = () => true
    assert.equal(await send('a', 'b'), 'kept')
  })

  it('is not asked by splitting again within half a minute, unless something passed', async () => {
    const { application, clock, send } = setUp()
    assert.equal(await send('bad', 'bad'), 'kept')
    assert.equal(application.attempts, 3)
    assert.equal(await send('bad', 'bad'), 'kept')
    assert.equal(application.attempts, 4)
    clock.time += 30 * second
    assert.equal(await send('bad', 'bad'), 'kept')
    assert.equal(application.attempts, 7)
    assert.equal(await send('good'), 0)
    assert.equal(await send('bad', 'bad'), 2)
  })
})

const run = (letter: string): Events => ({
  body: Buffer.from(`${letter.repeat(5 * 2 ** 20)}\n`),
  count: 1,
})

it('a batch larger than a part goes in parts, in order, and each stays whole', async () => {
  const bodies: string[] = []
  const sieve = createSieve(
    ({ body }) => {
      bodies.push(body.toString('latin1', 0, 1))
      assert.ok(body.length <= 8 * 2 ** 20)
      return Promise.resolve({ outcome: 'delivered' })
    },
    () => 0,
  )
  const runs = [run('a'), run('b'), run('c')]
  assert.equal((await sieve.deliver(runs)).outcome, 'delivered')
  assert.deepEqual(bodies, ['a', 'b', 'c'])
  assert.equal(runs.length, 0)
})
