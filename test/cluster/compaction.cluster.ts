/** etcd is compacted while the controller's watches are cut: the versions that it knows are gone (410), and it starts anew. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setEndpoints } from '../support/cluster-actors.ts'
import { eventually } from '../support/eventually.ts'
import {
  configMapKind,
  linkKind,
  openWorld,
  portsOf,
  quickstart,
  serviceKind,
} from '../controller/world.ts'
import { startProxy, type CuttableProxy } from './support/cuttable-proxy.ts'
import { underTest, withoutWhatTestsPlay } from './support/kube.ts'
import { startTestCluster, type TestCluster } from './support/test-cluster.ts'

describe('compaction of etcd', () => {
  let cluster: TestCluster
  let proxy: CuttableProxy
  before(async () => {
    cluster = await startTestCluster(withoutWhatTestsPlay)
    proxy = await startProxy(Number(new URL(cluster.url).port))
  })
  after(async () => {
    await proxy.close()
    await cluster.stop()
  })

  it('all that happened meanwhile is seen, though no watch can tell it', async (t) => {
    const kubeconfig = join(cluster.run, 'through-proxy.kubeconfig')
    const direct = readFileSync(cluster.kubeconfig, 'utf8')
    writeFileSync(kubeconfig, direct.replace(cluster.url, `https://127.0.0.1:${proxy.port}`))
    const under = await underTest(cluster, kubeconfig)
    const world = await openWorld(t, async () => under)
    for (const name of ['stays', 'goes', 'changes']) {
      await world.apply(name, quickstart)
      await world.untilCondition(name, 'Accepted', 'Accepted')
    }

    proxy.cut()
    await world.user.delete(world.key(linkKind, 'goes'))
    await world.apply('comes', quickstart)
    const receiver = { ...quickstart.receiver, port: 9900 }
    await world.apply('changes', { ...quickstart, receiver })
    await setEndpoints(world.as('endpoints'), world.at('stays'), ['10.1.0.12'])
    await world.user.delete(world.key(configMapKind, 'stays-receiver'))
    await cluster.kill('kube-apiserver')
    await compact(cluster.etcdUrl)
    await cluster.start('kube-apiserver')
    proxy.mend()

    await world.untilCondition('comes', 'Accepted', 'Accepted', 60_000)
    // Each kind's watch begins again in its own time, at most 37 s after what it last tried.
    const madeGood = async () => {
      assert.match(await world.data('stays-sender', 'hosts.json'), /10\.1\.0\.12/)
      assert.ok(await world.get(configMapKind, 'stays-receiver'))
      const changed = portsOf(await world.get(serviceKind, 'changes-receiver'))
      assert.equal(changed[0]?.port, 9900)
      assert.equal((await world.link('changes')).status?.observedGeneration, 2)
      assert.equal(await world.get(serviceKind, 'goes-receiver'), undefined)
    }
    await eventually('what was missed is made good', madeGood, { limitMs: 90_000 })
    const relists = await under.registry.getSingleMetricAsString('logstash_link_kube_relists_total')
    assert.match(relists, /reason="expired"/)
  })
})

/** Forgets every version but the newest. By etcd's HTTP gateway. */
async function compact(etcdUrl: string): Promise<void> {
  const { header } = await askEtcd(etcdUrl, 'range', { key: btoa('/x') })
  await askEtcd(etcdUrl, 'compaction', { revision: header.revision, physical: true })
}

async function askEtcd(etcdUrl: string, what: string, body: object) {
  const url = new URL(`/v3/kv/${what}`, etcdUrl)
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  assert.ok(answer.ok, `${what}: ${answer.status}`)
  return (await answer.json()) as { header: { revision: string } }
}
