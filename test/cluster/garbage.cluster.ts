/** A deleted link: the real garbage collector takes all that was its own, what cert-manager wrote for it included. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { linkKind, openWorld, ownObjects, quickstart, secretKind } from '../controller/world.ts'
import { makeIssuer } from './support/issuer.ts'
import { underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const kinds =
  'services,configmaps,secrets,certificates.cert-manager.io,certificaterequests.cert-manager.io,endpointslices,pods'

describe('garbage on a real cluster', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  it('of a deleted link nothing remains, and nothing else goes', async (t) => {
    const world = await openWorld(t, () => underTest(cluster))
    await makeIssuer(cluster, world.ns, 'shop-ca')
    const inNamespace = async () =>
      (await cluster.kubectl(['get', kinds, '-n', world.ns, '-o', 'name'])).trim().split('\n')
    const before = (await inNamespace()).toSorted()

    await world.apply('orders', {
      ...quickstart,
      tls: { issuerRef: { name: 'shop-ca' }, clientAuthentication: 'Required' },
    })
    await world.untilCondition('orders', 'IdentityReady', 'Issued', 30_000)
    await eventually('the Secrets of cert-manager are owned by the link', async () => {
      for (const name of ['orders-receiver-tls', 'orders-sender-tls']) {
        const secret = await world.get(secretKind, name)
        assert.equal(secret?.metadata.ownerReferences?.[0]?.name, 'orders', name)
      }
    })
    for (const [of, name] of ownObjects) assert.ok(await world.get(of, name), name)

    await world.user.delete(world.key(linkKind, 'orders'))
    await eventually(
      'all is as before',
      async () => assert.deepEqual((await inNamespace()).toSorted(), before),
      { limitMs: 60_000, everyMs: 300 },
    )
  })
})
