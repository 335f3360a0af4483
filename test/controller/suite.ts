/**
 * What the controller does for a link, told as a function of where it runs: the same tests for the in-memory cluster and
 * for a real API server without nodes and without cert-manager's controller, whose parts the tests play.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import type { ConditionType } from '../../src/api/conditions.ts'
import { conditionTypes } from '../../src/api/conditions.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import { annotations, apiVersion, certificateKind, kind } from '../../src/api/names.ts'
import type { Kind, KubeObject } from '../../src/api/objects.ts'
import { realClock } from '../../src/controller/clock.ts'
import { createController } from '../../src/controller/controller.ts'
import type { Controller, ControllerOptions } from '../../src/controller/controller.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { runPod, setEndpoints, writeIdentitySecret } from '../support/cluster-actors.ts'
import { countingWrites, failingAtRandom } from '../support/cluster-wrappers.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { operatorOptions } from '../support/links.ts'
import { silentLog } from '../support/log.ts'
import { badSamples, goodSamples } from '../support/samples.ts'

export interface ClusterUnderTest {
  /** The cluster as one of its field managers sees it. */
  as(manager: string): Cluster
  /** A new, empty namespace. */
  namespace(): Promise<string>
  stop(): Promise<void>
}

const serviceKind = { apiVersion: 'v1', kind: 'Service' }
const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' }
const secretKind = { apiVersion: 'v1', kind: 'Secret' }
const podKind = { apiVersion: 'v1', kind: 'Pod' }
const linkKind = { apiVersion, kind }

const quickstart = {
  receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { http: { port: 8080 } } },
  sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
  tls: { issuerRef: { name: 'shop-ca' } },
}

export function controllerSuite(name: string, makeCluster: () => Promise<ClusterUnderTest>): void {
  describe(`the controller on ${name}`, () => {
    let pem: { ca: string; cert: string; key: string }
    let otherCa: string
    before(async () => {
      const authority = await makeTestAuthority()
      const { certPem, keyPem } = await authority.leaf()
      pem = { ca: authority.caPem, cert: certPem, key: keyPem }
      otherCa = (await makeTestAuthority({ commonName: 'Other' })).caPem
    })

    it('makes the objects of a new link, owned by it, and a status with every condition', async (t) => {
      const world = await open(t, makeCluster)
      const link = await world.apply('orders', quickstart)
      await eventually('all objects of the link exist', async () => {
        for (const [of, object] of ownObjects) {
          const found = await world.get(of, object)
          assert.equal(found?.metadata.ownerReferences?.[0]?.uid, link.metadata.uid, object)
        }
      })
      await eventually('the status has every condition', async () => {
        const { status } = await world.link('orders')
        assert.deepEqual(
          status?.conditions?.map(({ type }) => type),
          conditionTypes,
        )
        assert.equal(status?.observedGeneration, 1)
        assert.ok(status?.conditions?.every(({ observedGeneration }) => observedGeneration === 1))
      })
      assert.equal((await world.condition('orders', 'Accepted')).status, 'True')
      assert.equal((await world.condition('orders', 'IdentityReady')).reason, 'Issuing')
    })

    it('brings a link to Ready as its identity, pods and endpoints come', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), pem)
      await world.untilCondition('orders', 'IdentityReady', 'Issued')
      await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
      await runPod(world.as('kubelet'), world.pod('indexer-1', 'indexer', '10.1.0.12'))
      await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
      await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12'])
      await world.untilCondition('orders', 'Ready', 'Ready')
      const { status } = await world.link('orders')
      assert.deepEqual(status?.hosts, ['10.1.0.12:9800'])
      assert.equal(status?.receivers?.summary, '1/1')
      assert.equal(status?.certificate?.secretName, 'orders-receiver-tls')
      const secret = await world.get(secretKind, 'orders-receiver-tls')
      assert.equal(secret?.metadata.ownerReferences?.[0]?.kind, kind)
      const written = await world.data('orders-sender', 'ca.crt')
      assert.match(written, /BEGIN CERTIFICATE/)
    })

    it('writes hosts.json as endpoints come and go', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'HostsDiscovered', 'NoReadyEndpoints')
      for (const addresses of [['10.1.0.12'], ['10.1.0.13', '10.1.0.12'], ['10.1.0.13'], []]) {
        await setEndpoints(world.as('endpoints'), world.at('orders'), addresses)
        await eventually(`hosts.json and status name ${addresses.join()}`, async () => {
          const file = JSON.parse(await world.data('orders-sender', 'hosts.json')) as {
            hosts: { host: string }[]
          }
          assert.deepEqual(
            file.hosts.map(({ host }) => host),
            addresses.toSorted(),
          )
          const { status } = await world.link('orders')
          assert.equal(status?.hostCount, addresses.length)
        })
      }
    })

    it('keeps the old authority beside a new one', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), pem)
      await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), {
        ...pem,
        ca: otherCa,
      })
      await eventually('both authorities are distributed', async () => {
        const bundle = await world.data('orders-sender', 'ca.crt')
        assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 2)
      })
    })

    it('follows a change of the spec and says which generation it has seen', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      const receiver = { ...quickstart.receiver, port: 9900 }
      await world.apply('orders', { ...quickstart, receiver })
      await eventually('the Service and the status follow', async () => {
        const service = await world.get(serviceKind, 'orders-receiver')
        const ports = portsOf(service)
        assert.deepEqual(
          ports.map(({ port }) => port),
          [9900],
        )
        assert.equal((await world.link('orders')).status?.observedGeneration, 2)
      })
    })

    it('takes away what a changed spec no longer wants', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await eventually('the sender has its ConfigMap', () =>
        world.data('orders-sender', 'sidecar.json'),
      )
      const { sender: _sender, ...rest } = quickstart
      await world.apply('orders', rest)
      await eventually('the ConfigMap is gone', async () => {
        assert.equal(await world.get(configMapKind, 'orders-sender'), undefined)
      })
    })

    it('leaves nothing behind when a link is deleted', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), pem)
      await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
      await eventually('the Secret of cert-manager is owned', async () => {
        const secret = await world.get(secretKind, 'orders-receiver-tls')
        assert.ok(secret?.metadata.ownerReferences)
      })
      await world.user.delete(world.key(linkKind, 'orders'))
      await eventually('all objects are gone', async () => {
        for (const [of, object] of ownObjects) assert.equal(await world.get(of, object), undefined)
        assert.equal(await world.get(secretKind, 'orders-receiver-tls'), undefined)
      })
    })

    it('never takes over what is not ours, says so, and goes on once the name is free', async (t) => {
      const world = await open(t, makeCluster)
      const foreign = await world.user.create({
        ...serviceKind,
        metadata: { namespace: world.ns, name: 'orders-receiver', labels: { mine: 'yes' } },
        spec: { ports: [{ port: 80 }] },
      })
      await world.apply('orders', quickstart)
      const { message } = await world.untilCondition('orders', 'Accepted', 'NameConflict')
      assert.match(message, /orders-receiver/)
      assert.deepEqual(await world.get(serviceKind, 'orders-receiver'), foreign)
      await world.user.delete(world.key(serviceKind, 'orders-receiver'))
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      const ours = await world.get(serviceKind, 'orders-receiver')
      assert.equal(ours?.metadata.ownerReferences?.[0]?.name, 'orders')
    })

    it('heals objects that someone edits or deletes', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      const whole = await world.data('orders-receiver', 'sidecar.json')
      await world.user.apply({
        ...configMapKind,
        metadata: { namespace: world.ns, name: 'orders-receiver' },
        data: { 'sidecar.json': '{}' },
      })
      await eventually('the edit is undone', async () => {
        assert.equal(await world.data('orders-receiver', 'sidecar.json'), whole)
      })
      for (const [of, name] of ownObjects) {
        const there = await world.get(of, name)
        await world.user.delete(world.key(of, name))
        await eventually(`${of.kind} ${name} is back`, async () => {
          const back = await world.get(of, name)
          assert.ok(back !== undefined && back.metadata.uid !== there?.metadata.uid)
        })
      }
    })

    it('waits for a Secret that the link names, and sees it come', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', { ...quickstart, auth: { secretRef: { name: 'basic' } } })
      await world.untilCondition('orders', 'Accepted', 'SecretNotFound')
      const metadata = { namespace: world.ns, name: 'basic' }
      await world.user.apply({
        ...secretKind,
        metadata,
        stringData: { username: 'u' },
      })
      await world.untilCondition('orders', 'Accepted', 'SecretInvalid')
      const stringData = { username: 'u', password: 'p' }
      await world.user.apply({ ...secretKind, metadata, stringData })
      await world.untilCondition('orders', 'Accepted', 'Accepted')
    })

    it('keeps the objects of a suspended link as they are, while hosts go on', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      const before = await world.get(serviceKind, 'orders-receiver')
      const settings = await world.data('orders-sender', 'sidecar.json')
      await world.apply('orders', {
        ...quickstart,
        receiver: { ...quickstart.receiver, port: 9900 },
        sender: { ...quickstart.sender, batch: { maxEvents: 7 } },
        suspend: true,
      })
      await world.untilCondition('orders', 'Accepted', 'Suspended')
      await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12'])
      await eventually('hosts.json goes on', async () => {
        assert.match(await world.data('orders-sender', 'hosts.json'), /10\.1\.0\.12/)
      })
      assert.deepEqual(await world.get(serviceKind, 'orders-receiver'), before)
      assert.equal(await world.data('orders-sender', 'sidecar.json'), settings)
      await world.apply('orders', {
        ...quickstart,
        sender: { ...quickstart.sender, batch: { maxEvents: 7 } },
      })
      await eventually('settings follow once it goes on', async () => {
        assert.match(await world.data('orders-sender', 'sidecar.json'), /"maxEvents": 7/)
      })
    })

    it('carries on with what runs when a change asks for what is not built', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), pem)
      await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12', '10.1.0.13'])
      await eventually('senders know both hosts', async () => {
        assert.match(await world.data('orders-sender', 'hosts.json'), /10\.1\.0\.13/)
      })
      await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
      const before = await world.get(serviceKind, 'orders-receiver')
      const settings = await world.data('orders-sender', 'sidecar.json')
      await world.apply('orders', {
        ...quickstart,
        receiver: { ...quickstart.receiver, port: 9900 },
        sender: { ...quickstart.sender, batch: { maxEvents: 7 } },
        rollout: 'Automatic',
      })
      await world.untilCondition('orders', 'Accepted', 'NotBuilt')
      await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12'])
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), {
        ...pem,
        ca: otherCa,
      })
      await eventually('the dead host leaves, the new authority comes', async () => {
        const hosts = await world.data('orders-sender', 'hosts.json')
        assert.doesNotMatch(hosts, /10\.1\.0\.13/)
        assert.match(hosts, /"port": 9800/)
        const bundle = await world.data('orders-sender', 'ca.crt')
        assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 2)
        assert.equal(await world.data('orders-receiver', 'ca.crt'), bundle)
      })
      assert.deepEqual(await world.get(serviceKind, 'orders-receiver'), before)
      assert.equal(await world.data('orders-sender', 'sidecar.json'), settings)
      // Nothing is made or taken away either.
      const { sender: _sender, ...rest } = quickstart
      await world.apply('orders', { ...rest, rollout: 'Automatic' })
      await eventually('the change is seen', async () => {
        assert.equal((await world.link('orders')).status?.observedGeneration, 3)
      })
      assert.equal(await world.data('orders-sender', 'sidecar.json'), settings)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
    })

    it('tells the younger of two links with one port which pod it was left out of', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.apply('orders-too', quickstart)
      await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
      await world.untilCondition('orders', 'SendersInjected', 'Injected')
      const { message } = await world.untilCondition(
        'orders-too',
        'SendersInjected',
        'PortConflict',
      )
      assert.match(message, /web-1/)
    })

    it('says what sidecars report', async (t) => {
      let problem: string | undefined = 'the receiver refuses the certificate'
      const ask = async () => (problem === undefined ? {} : { problem })
      const world = await open(t, makeCluster, { ask, sampleEveryMs: 50 })
      await world.apply('orders', quickstart)
      await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
      const { message } = await world.untilCondition('orders', 'Delivering', 'SidecarProblem')
      assert.match(message, /refuses the certificate/)
      problem = undefined
      await world.untilCondition('orders', 'Delivering', 'Delivering')
    })

    it('tells the kubelets of pods whose mounts changed', async (t) => {
      const world = await open(t, makeCluster)
      await world.apply('orders', quickstart)
      await world.untilCondition('orders', 'Accepted', 'Accepted')
      await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
      await world.untilCondition('orders', 'SendersInjected', 'Injected')
      await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12'])
      await eventually('the pod is annotated', async () => {
        const pod = await world.get(podKind, 'web-1')
        assert.ok(pod?.metadata.annotations?.[annotations.nudged])
      })
    })

    it('makes an event for a transition, and none without one', async (t) => {
      const world = await open(t, makeCluster, { resyncMs: 50 })
      await world.apply('orders', quickstart)
      const seen = await eventually('events tell of the link', async () => {
        const events = await world.user.list(
          { apiVersion: 'v1', kind: 'Event' },
          { namespace: world.ns },
        )
        assert.ok(events.some(({ reason }) => reason === 'Accepted'))
        assert.ok(events.some(({ reason }) => reason === 'NoPods'))
        return events.length
      })
      await world.resyncs(3)
      const after = await world.user.list(
        { apiVersion: 'v1', kind: 'Event' },
        { namespace: world.ns },
      )
      assert.equal(after.length, seen)
    })

    it('writes nothing while nothing changes', async (t) => {
      const world = await open(t, makeCluster, { resyncMs: 50 })
      await world.makeReady('orders', pem)
      await world.resyncs(2)
      await eventually('nudges are over', async () => {
        const count = world.writes.length
        await world.resyncs(2)
        assert.equal(world.writes.length, count)
      })
      const before = world.writes.length
      await world.resyncs(3)
      assert.deepEqual(
        world.writes.slice(before).filter((write) => !write.includes(' Pod ')),
        [],
      )
    })

    for (const sample of badSamples()) {
      it(`refuses the bad sample ${sample.name} and goes on with a good link`, async (t) => {
        const world = await open(t, makeCluster)
        const link = inNamespace(sample.link, world.ns)
        for (const other of sample.others) await world.user.create(inNamespace(other, world.ns))
        if (sample.expect === 'refused-at-write') {
          const message = await refusal(world.user.create(link))
          for (const part of [sample.field, ...sample.messages])
            assert.ok(message.includes(part), message)
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
        const world = await open(t, makeCluster)
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
      const world = await open(t, makeCluster)
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
      const world = await open(t, makeCluster, {
        wrap: (cluster) => failingAtRandom(cluster, { random: seeded(7), share: 0.06 }),
      })
      for (const name of ['one', 'two', 'three']) await world.makeReady(name, pem)
      await world.user.delete(world.key(linkKind, 'two'))
      await eventually('the deleted link left nothing', async () => {
        assert.equal(await world.get(serviceKind, 'two-receiver'), undefined)
        assert.equal(await world.get(configMapKind, 'two-sender'), undefined)
      })
    })

    it('brings 200 links at once to Ready', async (t) => {
      const world = await open(t, makeCluster)
      const names = Array.from({ length: 200 }, (_, index) => `link-${index}`)
      await Promise.all(names.map((name) => world.makeReady(name, pem, 60_000)))
    })
  })
}

const ownObjects: [Kind, string][] = [
  [serviceKind, 'orders-receiver'],
  [certificateKind, 'orders-receiver'],
  [secretKind, 'orders-keystore-password'],
  [configMapKind, 'orders-receiver'],
  [configMapKind, 'orders-sender'],
]

interface Wishes extends Partial<Pick<ControllerOptions, 'ask' | 'resyncMs' | 'sampleEveryMs'>> {
  wrap?: (cluster: Cluster) => Cluster
}

/** A cluster with a running controller and a namespace of its own. */
async function open(
  t: TestContext,
  makeCluster: () => Promise<ClusterUnderTest>,
  wishes: Wishes = {},
) {
  const under = await makeCluster()
  const ns = await under.namespace()
  const { wrap = (cluster: Cluster) => cluster, ...settings } = wishes
  const counted = countingWrites(under.as('logstash-link'))
  const controller: Controller = createController({
    cluster: wrap(counted.cluster),
    clock: realClock,
    log: silentLog(),
    registry: createMetrics({ program: 'test' }),
    options: operatorOptions,
    random: randomBytes,
    // No sidecar runs here.
    ask: () => Promise.resolve({}),
    ...settings,
  })
  await controller.start()
  t.after(async () => {
    await controller.stop()
    await under.stop()
  })
  const user = under.as('kubectl')
  const key = (of: Kind, name: string) => ({ ...of, namespace: ns, name })
  const get = (of: Kind, name: string) => user.get(key(of, name))

  const link = async (name: string) => {
    const found = await user.get<LogstashLink>(key(linkKind, name))
    assert.ok(found, `there is no link ${name}`)
    return found
  }
  const condition = async (name: string, type: ConditionType) => {
    const { status } = await link(name)
    const found = status?.conditions?.find((each) => each.type === type)
    assert.ok(found, `${name} has no condition ${type}`)
    return found
  }
  const untilCondition = (name: string, type: ConditionType, reason: string, limitMs = 15_000) =>
    eventually(
      `${type} of ${name} is ${reason}`,
      async () => {
        const found = await condition(name, type)
        assert.equal(found.reason, reason, `${found.reason}: ${found.message}`)
        return found
      },
      { limitMs },
    )
  const apply = (name: string, spec: object) =>
    user.apply({ ...linkKind, metadata: { namespace: ns, name }, spec } as unknown as LogstashLink)
  const at = (name: string) => ({ namespace: ns, link: name })
  const pod = (name: string, app: string, ip: string) => ({
    namespace: ns,
    name,
    labels: { app },
    ip,
  })

  return {
    ns,
    user,
    as: (manager: string) => under.as(manager),
    key,
    get,
    link,
    condition,
    untilCondition,
    apply,
    at,
    pod,
    writes: counted.writes,
    async data(name: string, file: string) {
      const data = (await get(configMapKind, name))?.['data'] as Record<string, string> | undefined
      const content = data?.[file]
      assert.ok(content !== undefined, `ConfigMap ${name} has no ${file}`)
      return content
    },
    /** So many more looks at the links of this cluster. */
    async resyncs(count: number) {
      // One look reads the link and its eight names.
      const until = counted.reads() + count * 9
      await eventually('the controller looked again', () => assert.ok(counted.reads() >= until))
    },
    /** Plays all that a link needs to become Ready, with pods of its own. */
    async makeReady(
      name: string,
      pem: { ca: string; cert: string; key: string },
      limitMs = 20_000,
    ) {
      const labels = { receiver: `${name}-in`, sender: `${name}-out` }
      await apply(name, {
        ...quickstart,
        receiver: { ...quickstart.receiver, selector: { matchLabels: { app: labels.receiver } } },
        sender: { ...quickstart.sender, selector: { matchLabels: { app: labels.sender } } },
      })
      await writeIdentitySecret(under.as('cert-manager'), at(name), pem)
      await runPod(under.as('kubelet'), pod(labels.receiver, labels.receiver, '10.1.0.12'))
      await runPod(under.as('kubelet'), pod(labels.sender, labels.sender, '10.1.0.20'))
      await eventually(
        'the Service exists',
        async () => {
          assert.ok(await get(serviceKind, `${name}-receiver`))
        },
        { limitMs },
      )
      await setEndpoints(under.as('endpoints'), at(name), ['10.1.0.12'])
      await untilCondition(name, 'Ready', 'Ready', limitMs)
    },
  }
}

function portsOf(service: KubeObject | undefined): { port: number }[] {
  return (service?.['spec'] as { ports?: { port: number }[] } | undefined)?.ports ?? []
}

function inNamespace(object: KubeObject, namespace: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace } }
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
