/**
 * What the controller does for a link, told as a function of where it runs: the same tests for the in-memory cluster and
 * for a real API server without nodes and without cert-manager's controller, whose parts the tests play.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { conditionTypes } from '../../src/api/conditions.ts'
import { annotations, kind } from '../../src/api/names.ts'
import { runPod, setEndpoints, writeIdentitySecret } from '../support/cluster-actors.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { hardships, type RefusalWords } from './hardships.ts'
import {
  configMapKind,
  linkKind,
  openWorld,
  ownObjects,
  podKind,
  portsOf,
  quickstart,
  secretKind,
  serviceKind,
  type ClusterUnderTest,
} from './world.ts'

/** @param words what the refusal of a bad sample must say, where a cluster has words of its own */
export function controllerSuite(
  name: string,
  makeCluster: () => Promise<ClusterUnderTest>,
  words?: RefusalWords,
): void {
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
      await world.apply('orders', quickstart)
      await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), pem)
      await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
      await eventually('the Secret of cert-manager is owned', async () => {
        const secret = await world.get(secretKind, 'orders-receiver-tls')
        assert.ok(secret?.metadata.ownerReferences)
      })
      await world.user.delete(world.key(linkKind, 'orders'))
      // A real garbage collector looks for kinds that are new to it every 30 s, and stands still while it learns them.
      const limitMs = 90_000
      await eventually(
        'all objects are gone',
        async () => {
          for (const [of, object] of ownObjects) {
            assert.equal(await world.get(of, object), undefined)
          }
          assert.equal(await world.get(secretKind, 'orders-receiver-tls'), undefined)
        },
        { limitMs },
      )
    })

    it('never takes over what is not ours, says so, and goes on once the name is free', async (t) => {
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster)
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

    it('tells the younger of two links with one port which pod it was left out of', async (t) => {
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster, { ask, sampleEveryMs: 50 })
      await world.apply('orders', quickstart)
      await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
      const { message } = await world.untilCondition('orders', 'Delivering', 'SidecarProblem')
      assert.match(message, /refuses the certificate/)
      problem = undefined
      await world.untilCondition('orders', 'Delivering', 'Delivering')
    })

    it('tells the kubelets of pods whose mounts changed', async (t) => {
      const world = await openWorld(t, makeCluster)
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
      const world = await openWorld(t, makeCluster, { resyncMs: 50 })
      await world.apply('orders', quickstart)
      const events = () =>
        world.user.list({ apiVersion: 'v1', kind: 'Event' }, { namespace: world.ns })
      // Others may be on their way: cert-manager's word for the identity comes when it comes.
      const seen = await eventually('events tell of the link, and no more come', async () => {
        const first = await events()
        assert.ok(first.some(({ reason }) => reason === 'Accepted'))
        assert.ok(first.some(({ reason }) => reason === 'NoPods'))
        await world.resyncs(2)
        assert.equal((await events()).length, first.length)
        return first.length
      })
      await world.resyncs(3)
      const after = await events()
      assert.equal(after.length, seen)
    })

    it('writes nothing while nothing changes', async (t) => {
      const world = await openWorld(t, makeCluster, { resyncMs: 50 })
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

    hardships(makeCluster, () => pem, words)
  })
}
