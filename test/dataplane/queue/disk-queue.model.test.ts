import test from 'node:test'
import * as fc from 'fast-check'
import type { QueueSettings } from '../../../src/dataplane/queue/queue.ts'
import { createRandom } from '../../support/random.ts'
import { createWorld, type Command } from './disk-queue.world.ts'

const settings: QueueSettings = { maxSize: 64 * 1024, onFull: 'Block' }

const commit = fc.record({
  do: fc.constant('commit' as const),
  counts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
  size: fc.constantFrom(24, 40, 200, 1500),
  owned: fc.boolean(),
})
const cut = fc.record({
  do: fc.constant('cut' as const),
  maxEvents: fc.integer({ min: 1, max: 20 }),
})
const acknowledge = fc.record({ do: fc.constant('acknowledge' as const), which: fc.nat(5) })
const withdraw = fc.record({ do: fc.constant('withdraw' as const), which: fc.nat(3) })
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 120, 6_000) })
const trouble = fc.oneof(
  fc.record({
    do: fc.constant('fail' as const),
    call: fc.constantFrom('write', 'sync', 'truncate', 'remove', 'create', 'read'),
  }),
  fc.constant({ do: 'fill' as const }),
)
const mend = fc.constant({ do: 'mend' as const })
const reopen = fc.constant({ do: 'reopen' as const })

function script(
  maxLength: number,
  ...more: fc.WeightedArbitrary<Command>[]
): fc.Arbitrary<Command[]> {
  const commands: fc.WeightedArbitrary<Command>[] = [
    { weight: 6, arbitrary: commit },
    { weight: 4, arbitrary: cut },
    { weight: 4, arbitrary: acknowledge },
    { weight: 1, arbitrary: withdraw },
    { weight: 2, arbitrary: wait },
    { weight: 1, arbitrary: reopen },
    ...more,
  ]
  return fc.array(fc.oneof(...commands), { minLength: 3, maxLength })
}

async function play(
  commands: readonly Command[],
  seed: number,
  given: QueueSettings,
  doom?: { at: number; how: 'process' | 'power' },
): Promise<number> {
  const random = createRandom(seed)
  const world = createWorld(given, () => random.next())
  if (doom) world.disk.crashAt(doom.at, doom.how)
  await world.open()
  for (const command of commands) await world.run(command)
  const made = world.disk.changes()
  await world.finish()
  return made
}

for (const onFull of ['Block', 'DropOldest'] as const) {
  test(`a crash at each single change of the disk loses nothing that was told (${onFull})`, async () => {
    await fc.assert(
      fc.asyncProperty(script(14), fc.integer(), async (commands, seed) => {
        const changes = await play(commands, seed, { ...settings, onFull })
        for (let at = 1; at <= changes; at += 1) {
          await play(commands, seed, { ...settings, onFull }, { at, how: 'process' })
          await play(commands, seed, { ...settings, onFull }, { at, how: 'power' })
        }
      }),
      { numRuns: 12 },
    )
  })

  test(`crashes, refusals of the disk and restarts in any order lose nothing that was told (${onFull})`, async () => {
    const crash = fc.record({
      do: fc.constant('crash' as const),
      how: fc.constantFrom('process', 'power'),
    })
    await fc.assert(
      fc.asyncProperty(
        script(
          60,
          { weight: 2, arbitrary: trouble },
          { weight: 2, arbitrary: mend },
          { weight: 2, arbitrary: crash },
        ),
        fc.integer(),
        async (commands, seed) => {
          await play(commands, seed, { ...settings, maxSize: 16 * 1024, onFull })
        },
      ),
      { numRuns: 300 },
    )
  })
}
