/** The controller among links that are refused, other writers, a cluster that fails, and many links at once. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { conditionTypes } from '../../src/api/conditions.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import { failingAtRandom } from '../support/cluster-wrappers.ts'
import { eventually } from '../support/eventually.ts'
import { badSamples, goodSamples, type BadSample } from '../support/samples.ts'
import {
  configMapKind,
  inNamespace,
  linkKind,
  openWorld,
  portsOf,
  quickstart,
  serviceKind,
  type ClusterUnderTest,
} from './world.ts'

/** What must stand in the refusal of a bad sample. */
export type RefusalWords = (sample: BadSample, message: string) => readonly string[]

const everyWord: RefusalWords = ({ field, messages }) => [field, ...messages]

/** @param identity what the issuer writes, once the suite has it */
export function hardships(
  makeCluster: () => Promise<ClusterUnderTest>,
  identity: () => { ca: string; cert: string; key: string },
  words: RefusalWords = everyWord,
): void {
  for (const sample of badSamples()) {
    it(`refuses the bad sample ${sample.name} and goes on with a good link`, async (t) => {
      const world = await openWorld(t, makeCluster)
      const link = inNamespace(sample.link, world.ns)
      for (const other of sample.others) await world.user.create(inNamespace(other, world.ns))
      if (sample.expect === 'refused-at-write') {
        const message = await refusal(world.user.create(link))
        for (const part of words(sample, message)) assert.ok(message.includes(part), message)
      } else {
        await world.user.create(link)
        const [reason = '', ...parts] = sample.messages
        const { message } = await world.untilCondition(link.metadata.name, 'Accepted', reason)
        for (const part of parts) assert.ok(message.includes(part), message)
      }
      await world.apply('good', quickstart)
      await world.untilCondition('good', 'Accepted', 'Accepted')
    })
  }

  for (const sample of goodSamples()) {
    it(`takes the good sample ${sample.name} and reports on it`, async (t) => {
      const world = await openWorld(t, makeCluster)
      const link = inNamespace(sample.link, world.ns)
      for (const other of sample.others) await world.user.create(inNamespace(other, world.ns))
      await world.user.create(link)
      await eventually('the link has a status', async () => {
        const { status } = await world.link(link.metadata.name)
        assert.equal(status?.conditions?.length, conditionTypes.length)
      })
    })
  }

  it('converges while others write to the same objects all the time', async (t) => {
    const world = await openWorld(t, makeCluster)
    await world.apply('orders', quickstart)
    await world.untilCondition('orders', 'Accepted', 'Accepted')
    for (let round = 0; round < 40; round++) {
      const port = 9800 + round
      await Promise.all([
        world.apply('orders', { ...quickstart, receiver: { ...quickstart.receiver, port } }),
        world.user.apply({
          ...serviceKind,
          metadata: {
            namespace: world.ns,
            name: 'orders-receiver',
            labels: { round: `${round}` },
          },
        }),
        world.user.delete(world.key(configMapKind, 'orders-sender')),
      ])
    }
    await eventually('the last spec is what stands', async () => {
      const service = await world.get(serviceKind, 'orders-receiver')
      const ports = portsOf(service)
      assert.equal(ports[0]?.port, 9839)
      assert.ok(await world.get(configMapKind, 'orders-sender'))
      const { metadata, status } = await world.link('orders')
      assert.equal(status?.observedGeneration, metadata.generation)
    })
  })

  it('converges though the cluster fails at random', async (t) => {
    const world = await openWorld(t, makeCluster, {
      wrap: (cluster) => failingAtRandom(cluster, { random: seeded(7), share: 0.06 }),
    })
    for (const name of ['one', 'two', 'three']) await world.makeReady(name, identity())
    await world.user.delete(world.key(linkKind, 'two'))
    await eventually('the deleted link left nothing', async () => {
      assert.equal(await world.get(serviceKind, 'two-receiver'), undefined)
      assert.equal(await world.get(configMapKind, 'two-sender'), undefined)
    })
  })

  it('brings 200 links at once to Ready', async (t) => {
    const world = await openWorld(t, makeCluster)
    const names = Array.from({ length: 200 }, (_, index) => `link-${index}`)
    await Promise.all(names.map((name) => world.makeReady(name, identity(), 60_000)))
  })
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    assert.ok(error instanceof ClusterError && error.reason === 'Invalid', String(error))
    return error.message
  }
  return assert.fail('Expected the write to be refused')
}

/** A small generator of numbers from 0 to 1 (mulberry32), so that a failure can be had again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
