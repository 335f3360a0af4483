import assert from 'node:assert/strict'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { test } from 'node:test'
import { createAuthority, type LeafRequest } from '../../../src/local/ca/issue.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import { openssl, withoutOpenssl } from '../../support/openssl.ts'

const now = () => new Date('2026-11-22T10:00:00.700Z')
const request = { commonName: 'Local authority', now, days: 10 }
const leafRequest: LeafRequest = {
  dnsNames: ['orders-receiver.shop.svc', '*.orders-receiver.shop.svc'],
  ipAddresses: ['127.1.2.3', '2001:db8::1:0:0:7', '::ffff:1.2.3.4'],
  usages: ['server auth', 'client auth'],
  days: 5,
}

for (const algorithm of ['EC', 'RSA'] as const) {
  test(`an ${algorithm} authority signs leaves that Node verifies`, async () => {
    const authority = await createAuthority({ ...request, algorithm })
    const issued = await authority.issue({ ...leafRequest, algorithm })
    const ca = new X509Certificate(authority.caPem)
    const leaf = new X509Certificate(issued.certPem)
    assert.ok(ca.ca && ca.verify(ca.publicKey))
    assert.ok(!leaf.ca && leaf.verify(ca.publicKey) && leaf.checkIssued(ca))
    assert.ok(leaf.checkPrivateKey(createPrivateKey(issued.keyPem)))
    assert.equal(ca.subject, 'CN=Local authority')
    assert.equal(leaf.subject, undefined)
    assert.equal(leaf.checkHost('orders-receiver.shop.svc'), 'orders-receiver.shop.svc')
    assert.ok(leaf.checkHost('10-1-0-3.orders-receiver.shop.svc'))
    for (const address of ['127.1.2.3', '2001:db8:0:0:1::7', '::ffff:1.2.3.4']) {
      assert.equal(leaf.checkIP(address), address)
    }
    assert.equal(leaf.checkIP('127.1.2.4'), undefined)
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    assert.equal(leaf.validFromDate.toISOString(), '2026-11-22T10:00:00.000Z')
    assert.equal(leaf.validToDate.toISOString(), '2026-11-27T10:00:00.000Z')
    assert.deepEqual(issued.notAfter, leaf.validToDate)
  })

  test(`openssl verifies a leaf of an ${algorithm} authority strictly`, {
    skip: withoutOpenssl,
  }, async (t) => {
    const folder = testFolder(t)
    const root = await makeTestAuthority({ commonName: 'Root', algorithm })
    const between = await makeTestAuthority({ commonName: 'Between', algorithm, parent: root })
    const { certPem } = await between.leaf({ dnsNames: ['a.example'], algorithm })
    const ca = folder.write('ca.crt', root.caPem)
    const chain = folder.write('chain.crt', between.caPem)
    const leaf = folder.write('tls.crt', certPem)
    const verify = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      ca,
      '-untrusted',
      chain,
    ]
    for (const [name, fits] of [
      ['a.example', true],
      ['b.example', false],
    ] as const) {
      const { ok, output } = openssl([...verify, '-verify_hostname', name, leaf])
      assert.equal(ok, fits, output)
    }
    const { output } = openssl(['x509', '-noout', '-text', '-in', leaf])
    assert.match(
      output,
      /X509v3 Subject Alternative Name: critical\s+DNS:a\.example, IP Address:127\.0\.0\.1/,
    )
    assert.match(output, /X509v3 Key Usage: critical\s+Digital Signature/)
    assert.match(output, /X509v3 Basic Constraints: critical\s+CA:FALSE/)
  })
}

test('serial numbers differ and are positive', async () => {
  const authority = await createAuthority(request)
  const serials = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { certPem } = await authority.issue(leafRequest)
      return new X509Certificate(certPem).serialNumber
    }),
  )
  assert.equal(new Set(serials).size, 20)
  for (const serial of serials) assert.doesNotMatch(serial, /^-/)
})

test('a leaf never outlives its authority', async () => {
  const authority = await createAuthority(request)
  for (const validity of [{ days: 100 }, { notAfter: new Date('2060-01-01T00:00:00Z') }]) {
    const { notAfter } = await authority.issue({
      dnsNames: ['a'],
      usages: ['server auth'],
      ...validity,
    })
    assert.deepEqual(notAfter, authority.notAfter)
  }
})

test('times from 2050 on are written so that they are read back', async () => {
  const authority = await createAuthority({ ...request, days: 20_000 })
  assert.deepEqual(new X509Certificate(authority.caPem).validToDate, authority.notAfter)
})

test('with a common name the alternative names need not be critical', async () => {
  const authority = await createAuthority(request)
  const { certPem } = await authority.issue({ ...leafRequest, commonName: 'orders' })
  assert.equal(new X509Certificate(certPem).subject, 'CN=orders')
})
