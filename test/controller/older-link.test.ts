/** A link that was written before a rule existed: what runs for it goes on, and nothing is made of it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { linkValidator } from '../../src/local/admission.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { setEndpoints, writeIdentitySecret } from '../support/cluster-actors.ts'
import { eventually } from '../support/eventually.ts'
import { openWorld, quickstart, serviceKind } from './world.ts'

test('a link that breaks a rule of now keeps what runs for it, with the hosts and authorities of now', async (t) => {
  let rules = true
  const world = await openWorld(t, async () => {
    const cluster = createInMemoryCluster({
      now: () => new Date(),
      validate: {
        LogstashLink: (object) => (rules ? linkValidator(object) : { object }),
      },
    })
    return {
      as: (manager) => cluster.as(manager),
      namespace: async () => 'shop',
      stop: () => cluster.settled(),
    }
  })
  const authority = await makeTestAuthority()
  const { certPem, keyPem } = await authority.leaf()
  const pem = { ca: authority.caPem, cert: certPem, key: keyPem }
  const otherCa = (await makeTestAuthority({ commonName: 'Other' })).caPem
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

  rules = false
  const { spec } = await world.link('orders')
  assert.ok(spec.sender)
  const broken = {
    ...spec,
    receiver: { ...spec.receiver, port: 9900 },
    sender: {
      ...spec.sender,
      batch: { ...spec.sender.batch, maxEvents: 7 },
      collect: { http: { port: 9801 }, tcp: { port: 9801 } },
    },
  }
  await world.apply('orders', broken)
  await world.untilCondition('orders', 'Accepted', 'Invalid')
  await setEndpoints(world.as('endpoints'), world.at('orders'), ['10.1.0.12'])
  await writeIdentitySecret(world.as('cert-manager'), world.at('orders'), { ...pem, ca: otherCa })
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
  await world.apply('orders', { ...broken, tls: { ...spec.tls, enabled: false } })
  await eventually('the change is seen', async () => {
    assert.equal((await world.link('orders')).status?.observedGeneration, 3)
  })
  assert.equal(await world.data('orders-sender', 'sidecar.json'), settings)
  rules = true
  await world.apply('orders', quickstart)
  await world.untilCondition('orders', 'Accepted', 'Accepted')
})
