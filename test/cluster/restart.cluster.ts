/** The API server is killed and comes back, again and again, while everything changes: the end state is right. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeTestAuthority } from '../support/certificates.ts'
import { setEndpoints } from '../support/cluster-actors.ts'
import { eventually } from '../support/eventually.ts'
import { configMapKind, linkKind, openWorld, serviceKind } from '../controller/world.ts'
import { underTest, withoutWhatTestsPlay } from './support/kube.ts'
import { startTestCluster, type TestCluster } from './support/test-cluster.ts'

const names = Array.from({ length: 10 }, (_, index) => `link-${index}`)

describe('restarts of the API server', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await startTestCluster(withoutWhatTestsPlay)
  })
  after(() => cluster.stop())

  // A rejection that nobody handles, or a throw in a callback, fails this test: nothing else ends the process.
  it('under load, with and without etcd, end in what was wanted last', async (t) => {
    const world = await openWorld(t, () => underTest(cluster))
    const authority = await makeTestAuthority()
    const { certPem, keyPem } = await authority.leaf()
    const identity = { ca: authority.caPem, cert: certPem, key: keyPem }
    for (const name of names) await world.makeReady(name, identity, 60_000)

    const loading = new AbortController()
    let taken = 0
    let refused = 0
    const load = async (name: string) => {
      for (let round = 0; !loading.signal.aborted; round++) {
        try {
          await setEndpoints(world.as('endpoints'), world.at(name), [`10.2.0.${round % 250}`])
          await world.user.delete(world.key(configMapKind, `${name}-sender`))
          taken += 1
        } catch {
          // The API server is away: that is what this is about.
          refused += 1
        }
        // The pace of the load, not a wait for something.
        await delay(100)
      }
    }
    const loads = names.map(load)
    for (const withEtcd of [false, true, false]) {
      const before = taken
      await eventually('there is load', () => assert.ok(taken > before + 10))
      await cluster.kill('kube-apiserver')
      if (withEtcd) {
        await cluster.kill('etcd')
        await cluster.start('etcd')
      }
      await cluster.start('kube-apiserver')
    }
    loading.abort()
    await Promise.all(loads)
    assert.ok(refused > 0, 'no write met an API server that was away')

    await world.user.delete(world.key(linkKind, 'link-0'))
    for (const name of names.slice(1)) {
      await setEndpoints(world.as('endpoints'), world.at(name), ['10.1.0.12', '10.1.0.13'])
    }
    for (const name of names.slice(1)) {
      await eventually(
        `${name} is as it was wanted last`,
        async () => {
          const { hosts } = JSON.parse(await world.data(`${name}-sender`, 'hosts.json')) as {
            hosts: { host: string }[]
          }
          assert.deepEqual(
            hosts.map(({ host }) => host),
            ['10.1.0.12', '10.1.0.13'],
          )
          const { status } = await world.link(name)
          assert.deepEqual(status?.hosts, ['10.1.0.12:9800', '10.1.0.13:9800'])
          assert.equal((await world.condition(name, 'Ready')).status, 'True')
        },
        { limitMs: 60_000 },
      )
    }
    await eventually(
      'what was of the deleted link is gone',
      async () => assert.equal(await world.get(serviceKind, 'link-0-receiver'), undefined),
      { limitMs: 90_000 },
    )
  })
})
