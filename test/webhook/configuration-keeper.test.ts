import assert from 'node:assert/strict'
import test from 'node:test'
import {
  bundleIn,
  configurationKind,
  entryIn,
  entryName,
  namespacesIn,
} from '../../src/webhook/entry.ts'
import { propagationMs } from '../../src/webhook/propagation.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { openServingIdentity } from '../../src/webhook/serving-identity.ts'
import { capturedLog } from '../support/log.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { configurationName, openWorld, ownNamespace, secretName, type World } from './world.ts'

const dayMs = 24 * 60 * 60_000
const settleMs = 200

/** With a certificate and the chart's empty configuration; what is there by then was there before. */
async function readyWorld(t: Parameters<typeof openWorld>[0], ...namespaces: string[]) {
  const world = openWorld(t)
  const authority = await makeTestAuthority()
  await world.issue(authority)
  await world.makeConfiguration()
  for (const namespace of namespaces) await world.makeLink(namespace)
  const keeper = world.keep()
  await keeper.synced
  await world.pass(settleMs)
  return { ...world, world, authority, keeper }
}

async function covered(world: World): Promise<string[]> {
  return namespacesIn(await world.configuration())
}

test('the entry picks the namespaces that have links and is trusted by the certificate', async (t) => {
  const { world, authority } = await readyWorld(t, 'shop', 'bank')
  const entry = entryIn(await world.configuration())
  assert.deepEqual(entry?.namespaceSelector, {
    matchExpressions: [
      { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['bank', 'shop'] },
    ],
  })
  assert.equal(entry?.['failurePolicy'], 'Ignore')
  assert.equal(entry?.['timeoutSeconds'], 5)
  assert.equal(entry?.['reinvocationPolicy'], 'IfNeeded')
  assert.deepEqual(entry?.clientConfig.service, {
    namespace: ownNamespace,
    name: 'webhook',
    path: '/inject',
    port: 443,
  })
  assert.equal((await world.bundle()).trim(), authority.caPem.trim())
})

test('without links there is no entry', async (t) => {
  const { world } = await readyWorld(t, 'shop')
  assert.deepEqual(await covered(world), ['shop'])
  await world.removeLink('shop')
  await world.pass(settleMs)
  assert.deepEqual((await world.configuration())?.['webhooks'], [])
})

test('a namespace is covered once API servers may know of it, and whoever asks is told', async (t) => {
  const { world, keeper } = await readyWorld(t)
  let told = 0
  keeper.onChange(() => (told += 1))
  await world.makeLink('shop')
  assert.equal(keeper.covers('shop'), false)
  assert.match(keeper.problem('shop') ?? '', /does not send pods of shop to the webhook yet/)
  await world.pass(settleMs)
  assert.deepEqual(await covered(world), ['shop'])
  assert.equal(keeper.covers('shop'), false)
  told = 0
  await world.pass(propagationMs)
  assert.equal(keeper.covers('shop'), true)
  assert.equal(keeper.problem('shop'), undefined)
  assert.ok(told > 0)
})

test('a new leader believes what it finds at once, so that no condition flaps', async (t) => {
  const { world, keeper } = await readyWorld(t, 'shop')
  keeper.stop()
  const next = world.keep()
  assert.equal(next.covers('shop'), false)
  await next.synced
  assert.equal(next.covers('shop'), true)
})

for (const namespace of ['kube-system', 'kube-public', 'kube-node-lease', ownNamespace]) {
  test(`${namespace} is never covered, and a sentence says so`, async (t) => {
    const { world, keeper } = await readyWorld(t, namespace, 'shop')
    await world.pass(propagationMs)
    assert.deepEqual(await covered(world), ['shop'])
    assert.equal(keeper.covers(namespace), false)
    assert.match(
      keeper.problem(namespace) ?? '',
      new RegExp(`Pods of ${namespace}, .* never injected`),
    )
  })
}

test('namespaces that come in a heap are one write', async (t) => {
  const { world, cluster } = await readyWorld(t)
  const before = (await world.configuration())?.metadata.resourceVersion
  for (let index = 0; index < 50; index += 1) await world.makeLink(`team-${index}`)
  await world.pass(settleMs - 1)
  assert.equal((await world.configuration())?.metadata.resourceVersion, before)
  let changes = 0
  const seen = cluster.watch(configurationKind, {}, () => (changes += 1))
  await world.pass(1)
  assert.equal((await covered(world)).length, 50)
  assert.equal(changes, 2, 'what was there, and one change')
  seen.stop()
})

const edits: [string, (entry: Record<string, unknown>) => Record<string, unknown>][] = [
  [
    'its caBundle',
    (entry) => ({ ...entry, clientConfig: { url: 'https://evil.example', caBundle: '' } }),
  ],
  ['its objects', (entry) => ({ ...entry, objectSelector: { matchLabels: { a: 'b' } } })],
  ['its namespaces', (entry) => ({ ...entry, namespaceSelector: {} })],
]
for (const [what, edit] of edits) {
  test(`an entry of which someone changed ${what} is not believed and written again`, async (t) => {
    const { world, keeper, cluster } = await readyWorld(t, 'shop')
    await world.pass(propagationMs)
    assert.equal(keeper.covers('shop'), true)
    const good = entryIn(await world.configuration())
    await cluster.as('someone').apply({
      ...configurationKind,
      metadata: { name: configurationName },
      webhooks: [edit({ ...good })],
    })
    await cluster.settled()
    assert.equal(keeper.covers('shop'), false)
    await world.pass(2 * settleMs)
    assert.deepEqual(entryIn(await world.configuration()), good)
    await world.pass(propagationMs)
    assert.equal(keeper.covers('shop'), true)
    assert.equal(world.lines.filter(({ msg }) => msg.startsWith('Someone else changed')).length, 1)
  })
}

test('an edit that keeps no pod away is mended and uncovers nothing', async (t) => {
  const { world, keeper, cluster } = await readyWorld(t, 'shop')
  await world.pass(propagationMs)
  const good = entryIn(await world.configuration())
  await cluster.as('someone').apply({
    ...configurationKind,
    metadata: { name: configurationName },
    webhooks: [{ ...good, failurePolicy: 'Fail', timeoutSeconds: 30 }],
  })
  await cluster.settled()
  assert.equal(keeper.covers('shop'), true)
  await world.pass(2 * settleMs)
  assert.deepEqual(entryIn(await world.configuration()), good)
  assert.equal(keeper.covers('shop'), true)
})

test('someone who changes it again and again is answered later and later', async (t) => {
  const { world, cluster } = await readyWorld(t, 'shop')
  let repairs = 0
  for (let index = 0; index < 20; index += 1) {
    await cluster.as('someone').apply({
      ...configurationKind,
      metadata: { name: configurationName },
      webhooks: [{ name: entryName, failurePolicy: `Fail${index}` }],
    })
    await world.pass(1000)
    if (entryIn(await world.configuration())?.['failurePolicy'] === 'Ignore') repairs += 1
  }
  assert.ok(repairs < 10, `${repairs} repairs within 20 s`)
})

test('matchConditions of someone else cannot be taken away, so they are told', async (t) => {
  const { world, keeper, cluster } = await readyWorld(t, 'shop')
  const entry = entryIn(await world.configuration())
  await cluster.as('someone').apply({
    ...configurationKind,
    metadata: { name: configurationName },
    webhooks: [{ ...entry, matchConditions: [{ name: 'never', expression: 'false' }] }],
  })
  await world.pass(0)
  assert.equal(keeper.covers('shop'), false)
  assert.match(keeper.problem('shop') ?? '', /matchConditions.*kubectl edit/)
})

test('a configuration that is gone is not made, is told, and is written when it is back', async (t) => {
  const { world, keeper, cluster } = await readyWorld(t, 'shop')
  await cluster.delete({ ...configurationKind, name: configurationName })
  await world.pass(10 * 60_000)
  assert.equal(await world.configuration(), undefined)
  assert.equal(keeper.covers('shop'), false)
  assert.match(keeper.problem('shop') ?? '', /is not there.*helm upgrade/)

  await world.makeConfiguration()
  await world.pass(settleMs)
  assert.deepEqual(await covered(world), ['shop'])
  await world.pass(propagationMs)
  assert.equal(keeper.covers('shop'), true)
})

test('without a certificate nothing is written, and nothing that stands is taken away', async (t) => {
  const world = openWorld(t)
  await world.makeConfiguration()
  await world.makeLink('shop')
  const keeper = world.keep()
  await keeper.synced
  await world.pass(settleMs)
  assert.equal(entryIn(await world.configuration()), undefined)
  assert.match(keeper.problem('shop') ?? '', /no certificate yet/)
  await world.issue(await makeTestAuthority())
  await world.pass(settleMs)
  await world.pass(propagationMs)
  assert.equal(keeper.covers('shop'), true)
})

test('a certificate that is not good for the name of the Service covers nothing', async (t) => {
  const world = openWorld(t)
  await world.issue(await makeTestAuthority(), { dnsNames: ['other.svc'] })
  await world.makeConfiguration()
  await world.makeLink('shop')
  const keeper = world.keep()
  await keeper.synced
  await world.pass(settleMs)
  await world.pass(propagationMs)
  assert.equal(keeper.covers('shop'), false)
  assert.match(
    keeper.problem('shop') ?? '',
    /good for webhook\.logstash-link\.svc, got .*other\.svc/,
  )
})

test('a certificate that has ended covers nothing', async (t) => {
  const { world, keeper } = await readyWorld(t, 'shop')
  await world.pass(propagationMs)
  assert.equal(keeper.covers('shop'), true)
  await world.pass(31 * dayMs)
  assert.match(keeper.problem('shop') ?? '', /certificate ended at/)
})

test('replicas that look at the Secret at different times are all trusted all the time', async (t) => {
  const { world, authority, cluster } = await readyWorld(t, 'shop')
  const { log } = capturedLog()
  const slow = openServingIdentity({
    cluster: withoutSecretChanges(cluster),
    key: { namespace: ownNamespace, name: secretName },
    configuration: configurationName,
    clock: world.clock,
    log,
  })
  t.after(() => slow.stop())
  await slow.loaded
  await world.issue(await makeTestAuthority({ commonName: 'New' }))
  for (let second = 0; second < 60; second += 1) {
    await world.pass(1000)
    const ready = [world.identity, slow].map(
      ({ checks }) => checks.ready['webhook certificate']?.().ok,
    )
    assert.deepEqual(ready, [true, true], `after ${second} s`)
  }
  assert.equal(slow.current?.authority.toString().trim(), authority.caPem.trim())
  assert.notEqual(world.identity.current?.digest, slow.current?.digest)
})

/** A replica that will ask for the Secret again, but has not yet. */
function withoutSecretChanges(cluster: Cluster): Cluster {
  return {
    ...cluster,
    watch: (kind, where, handler) =>
      cluster.watch(kind, where, (event) => {
        if (kind.kind !== 'Secret' || event.type === 'ADDED') handler(event)
      }),
  }
}

test('a new CA stands beside the old one, whose leaf other replicas serve for a while, and then alone', async (t) => {
  const { world, keeper, authority, identity } = await readyWorld(t, 'shop')
  await world.pass(propagationMs)
  const young = await makeTestAuthority({ commonName: 'New' })
  const leaf = await world.issue(young)
  await world.pass(settleMs)
  const both = await world.bundle()
  assert.ok(both.includes(authority.caPem.trim()) && both.includes(young.caPem.trim()))
  assert.notEqual(identity.current?.cert, leaf)
  assert.equal(keeper.covers('shop'), true)
  await world.pass(propagationMs)
  assert.equal(identity.current?.cert, leaf)
  assert.equal(keeper.covers('shop'), true, 'the change of certificate uncovers nothing')

  // Another leader goes on with the time that the annotation holds.
  await world.pass(dayMs / 2)
  keeper.stop()
  const next = world.keep()
  await next.synced
  await world.pass(settleMs)
  assert.ok((await world.bundle()).includes(authority.caPem.trim()))
  for (let hour = 0; hour < 13; hour += 1) await world.pass(dayMs / 24)
  assert.equal((await world.bundle()).trim(), young.caPem.trim())
  assert.equal(next.covers('shop'), true)
})

test('a CA that someone put into caBundle does not stay', async (t) => {
  const { world, keeper, cluster, authority } = await readyWorld(t, 'shop')
  const foreign = await makeTestAuthority({ commonName: 'Foreign' })
  const entry = entryIn(await world.configuration())
  assert.ok(entry)
  const caBundle = Buffer.from((await world.bundle()) + foreign.caPem).toString('base64')
  keeper.stop()
  await cluster.as('someone').apply({
    ...configurationKind,
    metadata: { name: configurationName },
    webhooks: [{ ...entry, clientConfig: { ...entry.clientConfig, caBundle } }],
  })
  const next = world.keep()
  await next.synced
  await world.pass(settleMs)
  assert.equal((await world.bundle()).trim(), authority.caPem.trim())
})

test('a write that fails is tried again', async (t) => {
  const world = openWorld(t)
  await world.issue(await makeTestAuthority())
  await world.makeConfiguration()
  await world.makeLink('shop')
  let failures = 3
  const apply = world.cluster.apply.bind(world.cluster)
  world.cluster.apply = (object) =>
    failures-- > 0 ? Promise.reject(new Error('no route')) : apply(object)
  const keeper = world.keep()
  await keeper.synced
  for (let index = 0; index < 10; index += 1) await world.pass(1000)
  assert.deepEqual(namespacesIn(await world.configuration()), ['shop'])
  assert.equal(keeper.covers('shop'), true)
  assert.equal(world.lines.filter(({ msg }) => msg.includes('no route')).length, 1)
})

test('a write whose answer was lost counts as written, and readiness says nothing of a failure', async (t) => {
  const { world, keeper } = await readyWorld(t)
  const apply = world.cluster.apply.bind(world.cluster)
  let lost = 1
  world.cluster.apply = async (object) => {
    const answer = await apply(object)
    if (object.kind === configurationKind.kind && lost-- > 0) throw new Error('timed out')
    return answer
  }
  const told = () => keeper.checks.ready['webhook configuration']?.().message ?? ''
  await world.makeLink('shop')
  await world.pass(settleMs)
  assert.match(told(), /cannot be written: timed out/)
  await world.pass(1000)
  assert.equal(lost, 0)
  assert.doesNotMatch(told(), /cannot be written/)
})

test('nothing is written while nothing changes', async (t) => {
  const { world } = await readyWorld(t, 'shop')
  const before = (await world.configuration())?.metadata.resourceVersion
  for (let hour = 0; hour < 12; hour += 1) await world.pass(60 * 60_000)
  assert.equal((await world.configuration())?.metadata.resourceVersion, before)
  assert.notEqual(bundleIn(await world.configuration()), '')
})
