/** Hosts from EndpointSlices: those that the real controller writes for pods of kwok, and others written by hand. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { annotations, labels, receiverPortName } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { openWorld, podKind, quickstart } from '../controller/world.ts'
import { runPod } from '../support/cluster-actors.ts'
import { eventually } from '../support/eventually.ts'
import { inject } from '../../src/injector/inject.ts'
import { operatorOptions } from '../support/links.ts'
import { underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const sliceKind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }

interface Endpoint {
  addresses: string[]
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
  zone?: string
  nodeName?: string
  targetRef?: { kind: string; name: string; uid: string }
}

describe('hosts from EndpointSlices', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  async function open(t: TestContext, spec: object = {}) {
    const world = await openWorld(t, () => underTest(cluster))
    await world.apply('orders', { ...quickstart, ...spec })
    await world.untilCondition('orders', 'HostsDiscovered', 'NoReadyEndpoints')
    const hosts = async () => {
      const file = JSON.parse(await world.data('orders-sender', 'hosts.json')) as {
        hosts: { host: string; port: number; zone?: string }[]
      }
      return file.hosts
    }
    return {
      ...world,
      hosts,
      /** A slice of the receivers' Service that the controller of endpoints knows nothing of. */
      slice: (name: string, endpoints: Endpoint[], more: { type?: string; port?: number } = {}) =>
        world.as('hand').apply({
          ...sliceKind,
          metadata: {
            namespace: world.ns,
            name,
            labels: { 'kubernetes.io/service-name': 'orders-receiver' },
          },
          addressType: more.type ?? 'IPv4',
          endpoints,
          ports: [{ name: receiverPortName('orders'), port: more.port ?? 9800, protocol: 'TCP' }],
        }),
      until: (what: string, expected: readonly string[]) =>
        eventually(what, async () => {
          const found = (await hosts()).map(({ host, port }) => `${host}:${port}`)
          assert.deepEqual(found, expected.toSorted())
        }),
      /** Writes to the senders' ConfigMap so far. */
      hostWrites: () =>
        world.writes.filter((each) => each === 'apply ConfigMap orders-sender').length,
    }
  }

  it('follows pods that come, end and go', async (t) => {
    const world = await open(t)
    const links = [await world.link('orders')]
    const start = async (name: string) => {
      const pod: KubeObject = {
        ...podKind,
        metadata: { namespace: world.ns, name, labels: { app: 'indexer' } },
        spec: { nodeName: 'fake1', containers: [{ name: 'app', image: 'app' }] },
      }
      const injected = inject({ pod, namespace: world.ns, links, options: operatorOptions }).pod
      assert.equal(injected.metadata.labels?.[labels.injected], 'true')
      await world.user.create(injected)
      return eventually(`${name} has an address and is ready`, async () => {
        const { podIP, conditions } = ((await world.get(podKind, name))?.['status'] ?? {}) as {
          podIP?: string
          conditions?: { type: string; status: string }[]
        }
        assert.equal(conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
        assert.ok(podIP)
        return `${podIP}:9800`
      })
    }
    const first = await start('indexer-1')
    await world.until('the first receiver is a host', [first])
    const second = await start('indexer-2')
    await world.until('both are hosts', [first, second])
    await world.untilCondition('orders', 'HostsDiscovered', 'Discovered')
    await world.user.delete(world.key(podKind, 'indexer-1'))
    await world.until('the one that goes has left', [second])
  })

  it('makes one list of several slices, each endpoint once, without those that end', async (t) => {
    const world = await open(t)
    const twin = { kind: 'Pod', name: 'a', uid: 'uid-of-a' }
    await world.slice('one', [
      { addresses: ['10.9.0.1'], conditions: { ready: true }, targetRef: twin },
      { addresses: ['10.9.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.9.0.3'], conditions: { ready: true }, zone: 'b' },
    ])
    await world.slice('two', [
      { addresses: ['10.9.0.3'], conditions: { ready: true }, zone: 'b' },
      { addresses: ['10.9.0.4'], conditions: { ready: false } },
    ])
    await world.slice('six', [{ addresses: ['fd00::1'], targetRef: twin }], { type: 'IPv6' })
    await world.slice('old', [{ addresses: ['10.9.0.5'] }], { port: 9900 })
    await world.until('the union is there', ['10.9.0.1:9800', '10.9.0.3:9800', '10.9.0.5:9900'])
    assert.equal((await world.hosts()).find(({ host }) => host === '10.9.0.3')?.zone, 'b')
    await world.user.delete(world.key(sliceKind, 'old'))
    await world.until('the slice has left', ['10.9.0.1:9800', '10.9.0.3:9800'])
  })

  it('writes once for each change, and a removed endpoint leaves at once', async (t) => {
    const world = await open(t)
    const all = Array.from({ length: 10 }, (_, n) => ({ addresses: [`10.9.1.${n + 11}`] }))
    await world.slice('one', all)
    await world.until(
      'all are hosts',
      all.map(({ addresses }) => `${addresses[0]}:9800`),
    )
    const before = world.hostWrites()
    for (let left = 9; left > 4; left--) {
      const kept = all.slice(0, left)
      const begin = Date.now()
      await world.slice('one', kept)
      await world.until(
        'one has left',
        kept.map(({ addresses }) => `${addresses[0]}:9800`),
      )
      assert.ok(Date.now() - begin < 2000, `it took ${Date.now() - begin} ms`)
    }
    assert.equal(world.hostWrites() - before, 5)
    // What changes nothing that senders need is not written.
    await world.slice('one', all.slice(0, 5).toReversed())
    await world.slice('two', [{ addresses: ['10.9.1.11'] }])
    await world.slice('two', [{ addresses: ['10.9.1.77'] }])
    await eventually('the next change is there', async () => {
      assert.ok((await world.hosts()).some(({ host }) => host === '10.9.1.77'))
    })
    assert.equal(world.hostWrites() - before, 6)
  })

  it('takes zones from slices, and else from nodes', async (t) => {
    const world = await open(t, { balancing: { preferSameZone: true } })
    const zone = { 'topology.kubernetes.io/zone': 'zone-n' }
    const node = `node-of-${world.ns}`
    await world.as('hand').apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node, labels: zone },
    })
    t.after(() => cluster.api.object('DELETE', `/api/v1/nodes/${node}`))
    await world.slice('one', [
      { addresses: ['10.9.2.1'], nodeName: node },
      { addresses: ['10.9.2.2'], nodeName: node, zone: 'zone-s' },
    ])
    await eventually('both zones are known', async () => {
      assert.deepEqual(
        (await world.hosts()).map(({ zone: of }) => of),
        ['zone-n', 'zone-s'],
      )
    })
  })

  it('tells the pods that mount the list, after the write, twice for many changes', async (t) => {
    const world = await open(t)
    await runPod(world.as('kubelet'), world.pod('web-1', 'web', '10.1.0.20'))
    await world.untilCondition('orders', 'SendersInjected', 'Injected')
    const nudges = () => world.writes.filter((each) => each === 'apply Pod web-1').length
    const before = nudges()
    const noted = async () =>
      (await world.get(podKind, 'web-1'))?.metadata.annotations?.[annotations.nudged]
    for (let n = 1; n <= 5; n++) await world.slice('one', [{ addresses: [`10.9.3.${n}`] }])
    await world.until('the last list is there', ['10.9.3.5:9800'])
    await eventually('the pod is told twice', async () => {
      assert.ok(await noted())
      assert.equal(nudges() - before, 2)
    })
    assert.ok(
      world.writes.lastIndexOf('apply ConfigMap orders-sender') <
        world.writes.indexOf('apply Pod web-1'),
    )
  })

  it('asks for certificates with the addresses of pods where that is wanted', async (t) => {
    const tls = { ...quickstart.tls, includePodIPs: true }
    const world = await open(t, { tls })
    await runPod(world.as('kubelet'), world.pod('indexer-1', 'indexer', '10.1.0.12'))
    await eventually('the Certificate names the address', async () => {
      const certificate = await world.get(
        { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' },
        'orders-receiver',
      )
      const { ipAddresses } = (certificate?.['spec'] ?? {}) as { ipAddresses?: string[] }
      assert.deepEqual(ipAddresses, ['10.1.0.12'])
    })
  })
})
