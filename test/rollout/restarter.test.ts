import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { annotations } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { observePods } from '../../src/controller/observe-pods.ts'
import { createRestarter } from '../../src/controller/rollout.ts'
import { ClusterError, type Cluster } from '../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { settleMs } from '../../src/rollout/next-restarts.ts'
import { countingWrites } from '../support/cluster-wrappers.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { linkOf, observedOf, operatorOptions } from '../support/links.ts'
import { silentLog } from '../support/log.ts'

const apps = 'apps/v1'
const namespace = 'shop'
const labels = { app: 'web' }
/** So that no certificate is waited for. */
const tls = { enabled: false }
const automatic = (name = 'orders', port = 9801) =>
  linkOf(
    {
      tls,
      rollout: 'Automatic',
      sender: { selector: { matchLabels: labels }, collect: { http: { port } } },
    },
    { name },
  )

function ownedBy({ apiVersion, kind, metadata }: KubeObject) {
  const { name, uid = `uid-of-${name}` } = metadata
  return { apiVersion, kind, name, uid, controller: true }
}

const refuse = () => Promise.reject(new ClusterError('Forbidden', 'no'))

interface Wishes {
  wrap?: (cluster: Cluster) => Cluster
  rate?: { perSecond: number; burst: number }
}

function setUp({ wrap = (cluster) => cluster, rate }: Wishes = {}) {
  const clock = fakeClock()
  const inner = createInMemoryCluster({ now: () => new Date(clock.now()) })
  const user = inner.as('user')
  const { cluster, writes } = countingWrites(inner.as('logstash-link'))
  let count = 0
  const restarter = createRestarter({
    cluster: wrap(cluster),
    clock,
    log: silentLog(),
    options: operatorOptions,
    count: () => {
      count += 1
    },
    ...(rate === undefined ? {} : { rate }),
  })
  const get = (kind: string, name: string) =>
    user.get<KubeObject & { spec: { template: { metadata: KubeObject['metadata'] } } }>({
      apiVersion: apps,
      kind,
      namespace,
      name,
    })

  /** What its controller reports once all pods are of the template of now. */
  const finish = async (kind: string, name: string, replicas = 1) => {
    const generation = (await get(kind, name))?.metadata.generation ?? 0
    const status: Record<string, object> = {
      Deployment: { replicas, updatedReplicas: replicas, availableReplicas: replicas },
      StatefulSet: { readyReplicas: replicas, currentRevision: 'a', updateRevision: 'a' },
      DaemonSet: {
        desiredNumberScheduled: replicas,
        updatedNumberScheduled: replicas,
        numberAvailable: replicas,
      },
    }
    await user.applyStatus({
      apiVersion: apps,
      kind,
      metadata: { namespace, name },
      status: { observedGeneration: generation, ...status[kind] },
    })
  }

  /** A workload that is through, with one pod of it that has no sidecar. */
  const workload = async (
    kind: string,
    name: string,
    podLabels: Record<string, string> = labels,
  ) => {
    const made = await user.create({
      apiVersion: apps,
      kind,
      metadata: { namespace, name },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: podLabels },
          spec: { containers: [{ name: 'app', image: 'app' }] },
        },
      },
    })
    await finish(kind, name)
    if (kind !== 'Deployment') return ownedPod(`${name}-0`, made, {})
    const set = await user.create({
      apiVersion: apps,
      kind: 'ReplicaSet',
      metadata: { namespace, name: `${name}-abc`, ownerReferences: [ownedBy(made)] },
    })
    return ownedPod(`${name}-abc-1`, set, { 'pod-template-hash': 'abc' })
  }
  const ownedPod = (name: string, owner: KubeObject, more: Record<string, string>) =>
    user.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace,
        name,
        labels: { ...labels, ...more },
        ownerReferences: [ownedBy(owner)],
      },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    })

  return {
    user,
    clock,
    writes,
    count: () => count,
    workload,
    finish,
    get,
    ownedPod,
    links: (...links: LogstashLink[]) => Promise.all(links.map((link) => user.create(link))),
    restartedFor: async (kind: string, name: string) =>
      (await get(kind, name))?.spec.template.metadata.annotations?.[annotations.restartedFor],
    look: async (link: LogstashLink) => {
      const pods = await user.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
      return restarter.look(observedOf(link, { pods: observePods(link, pods) }), {})
    },
  }
}

type World = ReturnType<typeof setUp>

/** The first look starts the time, so that the second may act. */
async function lookTwice({ look, clock }: World, link: LogstashLink) {
  await look(link)
  clock.advance(settleMs)
  return look(link)
}

test('a Deployment, a StatefulSet and a DaemonSet are restarted one at a time, each once', async () => {
  const world = setUp()
  const link = automatic()
  await world.links(link)
  const all = [
    ['DaemonSet', 'c'],
    ['Deployment', 'b'],
    ['StatefulSet', 'a'],
  ] as const
  for (const [kind, name] of all) await world.workload(kind, name)
  await world.look(link)
  assert.deepEqual(world.writes, [])
  world.clock.advance(settleMs)
  for (const [index, [kind, name]] of all.entries()) {
    const { findings, events } = await world.look(link)
    assert.ok(findings.includes(`Being restarted: ${kind}/${name}.`), findings.join('\n'))
    assert.deepEqual(
      events.map(({ reason, message }) => [reason, message.split(' ')[0]]),
      [['Restarted', `${kind}/${name}`]],
    )
    assert.match(
      (await world.restartedFor(kind, name)) ?? '',
      /^\{"sender\/orders":"[0-9a-f]{16}"\}$/,
    )
    // Nothing more while that one is under way.
    const again = await world.look(link)
    assert.deepEqual(again.events, [])
    assert.equal(again.againAfterMs, 2000)
    assert.equal(world.writes.length, index + 1)
    await world.finish(kind, name)
  }
  // The pods are as before: the restarts healed nothing, and are not done again.
  world.clock.advance(60_000)
  const { findings } = await world.look(link)
  assert.deepEqual(findings, [
    'Restarted once and still lacking a sidecar, so not restarted again: DaemonSet/c, Deployment/b, StatefulSet/a.',
  ])
  assert.equal(world.writes.length, 3)
  assert.equal(world.count(), 3)
})

test('two links that pick the same pods restart them once, at the same moment too', async () => {
  const world = setUp()
  const [one, two] = [automatic('one', 9801), automatic('two', 9802)]
  await world.links(one, two)
  await world.workload('Deployment', 'web')
  await Promise.all([world.look(one), world.look(two)])
  world.clock.advance(settleMs)
  await Promise.all([world.look(one), world.look(two)])
  await world.finish('Deployment', 'web')
  await Promise.all([world.look(one), world.look(two)])
  assert.deepEqual(world.writes, ['apply Deployment web'])
})

test('a change of the link is a reason to restart once more', async () => {
  const world = setUp()
  await world.links(automatic())
  await world.workload('StatefulSet', 'web')
  await lookTwice(world, automatic())
  await world.finish('StatefulSet', 'web')
  const changed = automatic('orders', 9850)
  delete changed.metadata.uid
  await world.user.apply(changed)
  await lookTwice(world, changed)
  assert.equal(world.writes.length, 2)
})

test('what only looks like ours to restart is told and left alone', async () => {
  const world = setUp()
  const link = automatic()
  await world.links(link)
  await world.workload('Deployment', 'web', { app: 'web', 'logstashlink.io/inject': 'false' })
  await world.workload('Deployment', 'real')
  // A ReplicaSet of another maker, named as the Deployment's.
  await world.workload('Deployment', 'alone')
  const rollout = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'alone', uid: 'x' }
  const set = await world.user.create({
    apiVersion: apps,
    kind: 'ReplicaSet',
    metadata: { namespace, name: 'alone-abd', ownerReferences: [{ ...rollout, controller: true }] },
  })
  await world.ownedPod('alone-abd-1', set, { 'pod-template-hash': 'abd' })
  const kruise = { apiVersion: 'apps.kruise.io/v1', kind: 'StatefulSet' }
  const foreign = { ...kruise, metadata: { name: 'foreign', uid: 'y' } }
  await world.ownedPod('foreign-0', foreign, {})
  await world.ownedPod(
    'job-1',
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' } },
    {},
  )
  const { findings } = await lookTwice(world, link)
  assert.deepEqual(findings, [
    'Being restarted: Deployment/real.',
    'Not restarted, as no Deployment, StatefulSet or DaemonSet makes them: alone-abc-1, alone-abd-1, foreign-0, job-1.',
    'Not restarted: Deployment/web, as its new pods would lack a sidecar, too. The pod opts out by its label logstashlink.io/inject: "false".',
  ])
  assert.deepEqual(world.writes, ['apply Deployment real'])
})

test('so many restarts and no more, whatever the number of links', async () => {
  const world = setUp({ rate: { perSecond: 0.1, burst: 1 } })
  const links = [automatic('one', 9801), automatic('two', 9802)]
  await world.links(...links)
  await world.workload('StatefulSet', 'a')
  await world.workload('StatefulSet', 'b')
  for (const link of links) await world.look(link)
  world.clock.advance(settleMs)
  for (const link of links) await world.look(link)
  await world.finish('StatefulSet', 'a')
  const { findings, againAfterMs } = await world.look(links[0] ?? automatic())
  assert.deepEqual(world.writes, ['apply StatefulSet a'])
  assert.match(findings.join(), /Waiting to be restarted: StatefulSet\/b/)
  assert.equal(againAfterMs, 10_000)
  world.clock.advance(10_000)
  await world.look(links[1] ?? automatic())
  assert.equal(world.writes.length, 2)
})

test('an operator that was restarted itself goes on where it was', async () => {
  const world = setUp()
  await world.links(automatic())
  await world.workload('StatefulSet', 'a')
  await lookTwice(world, automatic())
  const { cluster, writes } = countingWrites(world.user)
  const next = createRestarter({
    cluster,
    clock: world.clock,
    log: silentLog(),
    options: operatorOptions,
    count: () => {},
  })
  const pods = await world.user.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
  const observed = observedOf(automatic(), { pods: observePods(automatic(), pods) })
  for (let times = 0; times < 3; times++) {
    world.clock.advance(settleMs)
    const { findings } = await next.look(observed, {})
    assert.deepEqual(findings, ['Being restarted: StatefulSet/a.'])
  }
  assert.deepEqual(writes, [])
})

test('a restart that fails is told by one event and stops the others', async () => {
  const world = setUp()
  await world.links(automatic())
  await world.workload('Deployment', 'a')
  await world.workload('Deployment', 'b')
  await lookTwice(world, automatic())
  const generation = (await world.get('Deployment', 'a'))?.metadata.generation
  await world.user.applyStatus({
    apiVersion: apps,
    kind: 'Deployment',
    metadata: { namespace, name: 'a' },
    status: {
      observedGeneration: generation,
      conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
    },
  })
  const first = await world.look(automatic())
  assert.deepEqual(
    first.events.map(({ type, reason }) => [type, reason]),
    [['Warning', 'RestartFailed']],
  )
  world.clock.advance(60_000)
  assert.deepEqual((await world.look(automatic())).events, [])
  assert.equal(world.writes.length, 1)
})

test('what the cluster refuses is told, and tried again later', async () => {
  const world = setUp({ wrap: (cluster) => ({ ...cluster, apply: refuse }) })
  await world.links(automatic())
  await world.workload('Deployment', 'a')
  const { findings, againAfterMs } = await lookTwice(world, automatic())
  assert.deepEqual(findings, ['Nothing is restarted: the cluster answers Forbidden.'])
  assert.equal(againAfterMs, 30_000)
})
