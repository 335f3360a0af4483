/** Identities by the real cert-manager: issue, keystore, renewal, failure, password, loss, and a change of the authority. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it, type TestContext } from 'node:test'
import { certificateKind } from '../../src/api/names.ts'
import type { Ask } from '../../src/controller/sampler.ts'
import { openWorld, quickstart, secretKind } from '../controller/world.ts'
import { testFolder } from '../support/certificates.ts'
import { runPod } from '../support/cluster-actors.ts'
import { eventually } from '../support/eventually.ts'
import { openssl, withoutOpenssl } from '../support/openssl.ts'
import { makeIssuer } from './support/issuer.ts'
import { underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

describe('identities by cert-manager', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  async function open(t: TestContext, wishes: { ask?: Ask; sampleEveryMs?: number } = {}) {
    const world = await openWorld(t, () => underTest(cluster), wishes)
    const file = async (name: string, key: string) => {
      const secret = await world.get(secretKind, name)
      const data = secret?.['data'] as Record<string, string> | undefined
      assert.ok(data?.[key], `Secret ${name} has ${key}`)
      return Buffer.from(data[key], 'base64')
    }
    const leaf = async () =>
      new X509Certificate(await file('orders-receiver-tls', 'tls.crt')).fingerprint256
    const issued = () => world.untilCondition('orders', 'IdentityReady', 'Issued', 30_000)
    return {
      ...world,
      file,
      leaf,
      issued,
      /** As `cmctl renew` asks for it. */
      async renew(name: string) {
        const condition = {
          type: 'Issuing',
          status: 'True',
          reason: 'ManuallyTriggered',
          message: 'Asked for by a test',
          lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
        }
        await world.as('cmctl').applyStatus({
          ...certificateKind,
          metadata: { namespace: world.ns, name },
          status: { conditions: [condition] },
        })
      },
      async ready() {
        await makeIssuer(cluster, world.ns, 'shop-ca')
        await world.apply('orders', quickstart)
        await issued()
      },
      async keystoreOpens(folder: { path(name: string): string }) {
        const password = await file('orders-keystore-password', 'password')
        const keystore = folder.path('keystore.p12')
        writeFileSync(keystore, await file('orders-receiver-tls', 'keystore.p12'))
        const args = ['pkcs12', '-in', keystore, '-nodes', '-passin', 'stdin']
        return openssl(args, `${password.toString()}\n`)
      },
    }
  }

  it('issues, with a keystore that openssl opens by the generated password', {
    skip: withoutOpenssl,
  }, async (t) => {
    const world = await open(t)
    await world.ready()
    await world.untilCondition('orders', 'TrustDistributed', 'Distributed')
    const { ok, output } = await world.keystoreOpens(testFolder(t))
    assert.ok(ok, output)
    assert.match(output, /BEGIN PRIVATE KEY/)
    const { ca } = new X509Certificate(await world.file('orders-receiver-tls', 'tls.crt'))
    assert.equal(ca, false)
    const secret = await world.get(secretKind, 'orders-receiver-tls')
    assert.equal(secret?.metadata.ownerReferences?.[0]?.name, 'orders')
  })

  it('follows a renewal', async (t) => {
    const world = await open(t)
    await world.ready()
    const before = await world.leaf()
    await world.renew('orders-receiver')
    await eventually('another leaf is there', async () => {
      assert.notEqual(await world.leaf(), before)
    })
    const { validToDate } = new X509Certificate(await world.file('orders-receiver-tls', 'tls.crt'))
    await eventually('the status tells its end', async () => {
      const { status } = await world.link('orders')
      assert.equal(Date.parse(status?.certificate?.notAfter ?? ''), validToDate.getTime())
    })
    assert.equal((await world.condition('orders', 'IdentityReady')).status, 'True')
  })

  for (const [what, words, prepare] of [
    ['missing', /"shop-ca" not found/, async () => undefined],
    [
      'not ready',
      /issuer does not have a Ready status/i,
      (ns: string) =>
        cluster.api.object('POST', `/apis/cert-manager.io/v1/namespaces/${ns}/issuers`, {
          apiVersion: 'cert-manager.io/v1',
          kind: 'Issuer',
          metadata: { name: 'shop-ca' },
          spec: { ca: { secretName: 'nowhere' } },
        }),
    ],
  ] as const) {
    it(`tells in cert-manager’s words that the issuer is ${what}`, async (t) => {
      const world = await open(t)
      await prepare(world.ns)
      await world.apply('orders', quickstart)
      const { message } = await world.untilCondition('orders', 'IdentityReady', 'IssuerFailed')
      assert.match(message, words)
      assert.match(message, /kubectl describe certificate orders-receiver/)
    })
  }

  it('has the keystore written anew when its password changes', {
    skip: withoutOpenssl,
  }, async (t) => {
    const world = await open(t)
    await world.ready()
    const before = await world.leaf()
    await world.as('kubectl').apply({
      ...secretKind,
      metadata: { namespace: world.ns, name: 'orders-keystore-password' },
      stringData: { password: 'another-one' },
    })
    const folder = testFolder(t)
    await eventually('the keystore opens by the new password', async () => {
      const { ok, output } = await world.keystoreOpens(folder)
      assert.ok(ok, output)
    })
    assert.equal(
      (await world.file('orders-keystore-password', 'password')).toString(),
      'another-one',
    )
    assert.equal(await world.leaf(), before)
  })

  it('gets a lost Secret back, and owns it again', async (t) => {
    const world = await open(t)
    await world.ready()
    const before = await world.get(secretKind, 'orders-receiver-tls')
    await world.user.delete(world.key(secretKind, 'orders-receiver-tls'))
    await eventually('the Secret is back', async () => {
      const back = await world.get(secretKind, 'orders-receiver-tls')
      assert.ok(back !== undefined && back.metadata.uid !== before?.metadata.uid)
      assert.equal(back.metadata.ownerReferences?.[0]?.name, 'orders')
    })
    await world.issued()
  })

  it('distributes a new authority beside the old one, which leaves once nobody serves from it', async (t) => {
    let served = ''
    const ask: Ask = () => Promise.resolve({ identity: { fingerprint: served } })
    const world = await open(t, { ask, sampleEveryMs: 200 })
    await world.ready()
    served = await world.leaf()
    await runPod(world.as('kubelet'), world.pod('indexer-1', 'indexer', '10.1.0.12'))
    const authorities = async () => {
      const bundle = await world.data('orders-sender', 'ca.crt')
      return bundle.match(/BEGIN CERTIFICATE/g)?.length
    }
    await eventually('one authority is distributed', async () => {
      assert.equal(await authorities(), 1)
    })
    const oldCa = (await world.file('shop-ca', 'tls.crt')).toString()
    await world.renew('shop-ca')
    await eventually('the issuer has a new authority', async () => {
      assert.notEqual((await world.file('shop-ca', 'tls.crt')).toString(), oldCa)
    })
    await world.renew('orders-receiver')
    await eventually('old and new are distributed to both sides', async () => {
      assert.equal(await authorities(), 2)
      assert.equal(
        await world.data('orders-receiver', 'ca.crt'),
        await world.data('orders-sender', 'ca.crt'),
      )
    })
    // The receiver takes up its new leaf.
    served = await world.leaf()
    await eventually('the old one has left', async () => {
      assert.equal(await authorities(), 1)
    })
    const bundle = await world.data('orders-sender', 'ca.crt')
    const leaf = new X509Certificate(await world.file('orders-receiver-tls', 'tls.crt'))
    assert.ok(leaf.verify(new X509Certificate(bundle).publicKey))
  })
})
