import assert from 'node:assert/strict'
import test from 'node:test'
import { annotations } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { createNudger } from '../../src/controller/nudge.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { silentLog } from '../support/log.ts'

const podKind = { apiVersion: 'v1', kind: 'Pod' }

async function setUp(t: { after(done: () => Promise<void>): void }) {
  const clock = fakeClock()
  const cluster = createInMemoryCluster({ now: () => new Date(clock.now()) })
  let count = 0
  const nudger = createNudger({
    cluster,
    clock,
    log: silentLog(),
    random: () => 1,
    count: () => {
      count += 1
    },
  })
  t.after(() => nudger.stop())
  const pod: KubeObject = {
    ...podKind,
    metadata: { namespace: 'shop', name: 'web' },
    spec: { containers: [{ name: 'web' }] },
  }
  const { metadata } = await cluster.as('kubectl').create(pod)
  const { uid = '' } = metadata
  return {
    cluster,
    nudge: () => nudger.nudge({ namespace: 'shop', name: 'web', uid }),
    count: () => count,
    /** Seconds of time, with all that they bring. */
    pass: async (seconds: number) => {
      for (let step = 0; step < seconds * 10; step++) {
        clock.advance(100)
        await cluster.settled()
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

test('a pod is told after about a second and once more, each time with a new value', async (t) => {
  const { cluster, nudge, count, pass } = await setUp(t)
  const noted = async () => {
    const pod = await cluster.get({ ...podKind, namespace: 'shop', name: 'web' })
    return pod?.metadata.annotations?.[annotations.nudged]
  }
  nudge()
  await pass(0.9)
  assert.equal(await noted(), undefined)
  await pass(0.3)
  const first = await noted()
  assert.ok(first)
  await pass(6)
  const second = await noted()
  assert.notEqual(second, first)
  await pass(60)
  assert.equal(await noted(), second)
  assert.equal(count(), 2)
})

test('many changes at once tell a pod no more often than one', async (t) => {
  const { nudge, count, pass } = await setUp(t)
  for (let change = 0; change < 50; change++) nudge()
  await pass(30)
  assert.equal(count(), 2)
})

test('a pod that is gone is neither told nor made again', async (t) => {
  const { cluster, nudge, count, pass } = await setUp(t)
  nudge()
  await cluster.delete({ ...podKind, namespace: 'shop', name: 'web' })
  await pass(30)
  assert.equal(count(), 0)
  assert.deepEqual(await cluster.list(podKind), [])
})
