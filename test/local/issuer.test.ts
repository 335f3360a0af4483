import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import test from 'node:test'
import { createSecureContext } from 'node:tls'
import type { KubeObject } from '../../src/api/objects.ts'
import {
  createInMemoryCluster,
  type InMemoryCluster,
} from '../../src/local/cluster/in-memory-cluster.ts'
import { goDuration, renewalTime, type Certificate } from '../../src/local/issuer/certificate.ts'
import { startIssuer } from '../../src/local/issuer/issuer.ts'
import { eventually } from '../support/eventually.ts'
import { capturedLog, silentLog } from '../support/log.ts'

const certManager = 'cert-manager.io/v1'

/** An issuer at work until the test ends, with a clock that the test moves. */
function startedIssuer(t: { after(done: () => Promise<void>): void }, log = silentLog()) {
  const clock = { now: new Date('2026-11-22T12:00:00Z') }
  const cluster = createInMemoryCluster({ now: () => clock.now })
  const issuer = startIssuer({
    cluster: cluster.as('cert-manager'),
    log,
    now: () => clock.now,
  })
  t.after(() => issuer.stop())
  return { cluster, clock }
}

function certificate(name: string, spec: Partial<Certificate['spec']> = {}): Certificate {
  return {
    apiVersion: certManager,
    kind: 'Certificate',
    metadata: { name, namespace: 'test' },
    spec: {
      secretName: `${name}-tls`,
      dnsNames: [`${name}.test.svc`],
      privateKey: { algorithm: 'ECDSA' },
      issuerRef: { name: 'ca' },
      ...spec,
    },
  }
}

interface Issued {
  leaf: X509Certificate
  ca: X509Certificate
  key: string
  data: Record<string, Buffer>
  annotations: Record<string, string>
}

async function issued(cluster: InMemoryCluster, name: string): Promise<Issued> {
  return eventually(`${name} is issued`, async () => {
    const found = await cluster.get<Certificate>({
      apiVersion: certManager,
      kind: 'Certificate',
      namespace: 'test',
      name,
    })
    const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready')
    assert.equal(ready?.status, 'True', JSON.stringify(found?.status))
    const secret = await cluster.get({
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: 'test',
      name: `${name}-tls`,
    })
    assert.ok(secret)
    const data = Object.fromEntries(
      Object.entries(secret['data'] as Record<string, string>).map(([file, content]) => [
        file,
        Buffer.from(content, 'base64'),
      ]),
    )
    return {
      leaf: new X509Certificate(data['tls.crt'] ?? ''),
      ca: new X509Certificate(data['ca.crt'] ?? ''),
      key: String(data['tls.key']),
      data,
      annotations: secret.metadata.annotations ?? {},
    }
  })
}

function issuerObject(name: string, spec: object): KubeObject {
  return { apiVersion: certManager, kind: 'Issuer', metadata: { name, namespace: 'test' }, spec }
}

test('the chain SelfSigned, CA certificate, CA issuer signs leaves that its CA verifies', async (t) => {
  const { cluster } = startedIssuer(t)
  // In the wrong order on purpose: each waits for what it needs.
  await cluster.create(certificate('web', { ipAddresses: ['127.1.2.3'], usages: ['server auth'] }))
  await cluster.create(issuerObject('ca', { ca: { secretName: 'root-tls' } }))
  await cluster.create(issuerObject('self', { selfSigned: {} }))
  await cluster.create(
    certificate('root', {
      isCA: true,
      commonName: 'root',
      dnsNames: [],
      issuerRef: { name: 'self' },
    }),
  )
  const root = await issued(cluster, 'root')
  assert.ok(root.leaf.ca && root.leaf.checkIssued(root.leaf))
  const { leaf, ca, annotations } = await eventually('the CA has signed the leaf', async () => {
    const found = await issued(cluster, 'web')
    assert.equal(found.ca.fingerprint256, root.leaf.fingerprint256)
    return found
  })
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  assert.ok(leaf.checkHost('web.test.svc') && leaf.checkIP('127.1.2.3'))
  assert.equal(annotations['cert-manager.io/certificate-name'], 'web')
})

test('where there is no issuer at all a local CA stands in, says so once, and makes keystores on request', async (t) => {
  const { log, lines } = capturedLog()
  const { cluster } = startedIssuer(t, log)
  await cluster.create(
    certificate('web', {
      keystores: {
        pkcs12: { create: true, passwordSecretRef: { name: 'password', key: 'password' } },
      },
    }),
  )
  await eventually('it says what it waits for', async () => {
    const found = await cluster.list<Certificate>({ apiVersion: certManager, kind: 'Certificate' })
    assert.match(
      found[0]?.status?.conditions?.[0]?.message ?? '',
      /Secret password with the key password does not exist/,
    )
  })
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'password', namespace: 'test' },
    stringData: { password: 'open sesame' },
  })
  const { data } = await issued(cluster, 'web')
  createSecureContext({ pfx: data['keystore.p12'] ?? '', passphrase: 'open sesame' })
  assert.ok((data['truststore.p12']?.length ?? 0) > 0)
  const warnings = lines.filter(({ level }) => level === 'warn')
  assert.deepEqual(
    warnings.map(({ msg, issuer, why }) => [msg, issuer, why]),
    [['a local CA stands in for an issuer', 'test/ca', 'the manifests hold no issuer']],
  )
})

const mistyped: { title: string; ref: Certificate['spec']['issuerRef']; said: string }[] = [
  {
    title: 'a name that no Issuer has',
    ref: { name: 'nothere' },
    said: 'Issuer nothere not found in namespace test',
  },
  {
    title: 'the name of an Issuer as that of a ClusterIssuer',
    ref: { name: 'self', kind: 'ClusterIssuer' },
    said: 'ClusterIssuer self not found',
  },
]

for (const { title, ref, said } of mistyped) {
  test(`among other issuers ${title} leaves the Certificate not ready`, async (t) => {
    const { cluster } = startedIssuer(t)
    await cluster.create(issuerObject('self', { selfSigned: {} }))
    await cluster.create(certificate('web', { issuerRef: ref }))
    await eventually('it says what is not found', async () => {
      const [found] = await cluster.list<Certificate>({
        apiVersion: certManager,
        kind: 'Certificate',
      })
      // IdentityReady of a link repeats the words of a failed attempt, and knows it by its time.
      assert.equal(found?.status?.lastFailureTime, '2026-11-22T12:00:00Z')
      const told = found.status.conditions?.map(({ type, status, message }) => [
        type,
        status,
        message,
      ])
      assert.deepEqual(told, [
        ['Ready', 'False', said],
        ['Issuing', 'False', said],
      ])
    })
    const key = { apiVersion: 'v1', kind: 'Secret', namespace: 'test', name: 'web-tls' }
    assert.equal(await cluster.get(key), undefined)
    await cluster.apply(certificate('web', { issuerRef: { name: 'self', kind: 'Issuer' } }))
    await issued(cluster, 'web')
    const [mended] = await cluster.list<Certificate>({
      apiVersion: certManager,
      kind: 'Certificate',
    })
    assert.equal(mended?.status?.lastFailureTime, undefined)
  })
}

test('an issuer of another group, which manifests cannot bring, is stood in for among others', async (t) => {
  const { cluster } = startedIssuer(t)
  await cluster.create(issuerObject('ca', { selfSigned: {} }))
  const issuerRef = { name: 'ca', group: 'issuers.example.org' }
  await cluster.create(certificate('web', { issuerRef }))
  const { leaf } = await issued(cluster, 'web')
  assert.match(leaf.issuer ?? '', /local test\/ca/)
})

test('it is issued anew when names change or the Secret goes, encoded anew for another template', async (t) => {
  const { cluster } = startedIssuer(t)
  await cluster.apply(certificate('web'))
  const first = await issued(cluster, 'web')
  await cluster.apply(certificate('web', { dnsNames: ['other.test.svc'] }))
  const second = await eventually('the new name is in the leaf', async () => {
    const found = await issued(cluster, 'web')
    assert.ok(found.leaf.checkHost('other.test.svc'))
    return found
  })
  assert.notEqual(second.key, first.key)
  const template = { annotations: { revision: '2' } }
  await cluster.apply(
    certificate('web', { dnsNames: ['other.test.svc'], secretTemplate: template }),
  )
  await eventually('the annotation is there, with the same leaf', async () => {
    const found = await issued(cluster, 'web')
    assert.equal(found.annotations['revision'], '2')
    assert.equal(found.leaf.fingerprint256, second.leaf.fingerprint256)
  })
  await cluster.delete({ apiVersion: 'v1', kind: 'Secret', namespace: 'test', name: 'web-tls' })
  await eventually('another leaf was issued', async () => {
    const found = await issued(cluster, 'web')
    assert.notEqual(found.leaf.fingerprint256, second.leaf.fingerprint256)
  })
})

test('it is renewed when its time has come, and rotationPolicy Never keeps the key', async (t) => {
  const { cluster, clock } = startedIssuer(t)
  const spec = { duration: '24h', renewBefore: '8h' } as const
  const keep = { algorithm: 'ECDSA', rotationPolicy: 'Never' } as const
  await cluster.create(certificate('fresh', spec))
  await cluster.create(certificate('kept', { ...spec, privateKey: keep }))
  const before = { fresh: await issued(cluster, 'fresh'), kept: await issued(cluster, 'kept') }
  assert.equal(before.fresh.leaf.validToDate.toISOString(), '2026-11-23T12:00:00.000Z')
  clock.now = new Date('2026-11-23T04:00:01Z')
  // Time stood still for the timers, so another object's change brings the keys back.
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'unrelated', namespace: 'test' },
  })
  await eventually('both were renewed', async () => {
    const [fresh, kept] = [await issued(cluster, 'fresh'), await issued(cluster, 'kept')]
    assert.equal(fresh.leaf.validToDate.toISOString(), '2026-11-24T04:00:01.000Z')
    assert.equal(kept.leaf.validToDate.toISOString(), '2026-11-24T04:00:01.000Z')
    assert.notEqual(fresh.key, before.fresh.key)
    assert.equal(kept.key, before.kept.key)
  })
})

test('durations of Go and the time of renewal', () => {
  assert.deepEqual(['1h30m', '90m', '1.5s', 'soon', ''].map(goDuration), [
    5_400_000,
    5_400_000,
    1500,
    Number.NaN,
    Number.NaN,
  ])
  const from = new Date(0)
  const to = new Date(90_000)
  const at = (spec: Partial<Certificate['spec']>): number =>
    renewalTime(certificate('any', spec), from, to).getTime()
  assert.equal(at({}), 60_000)
  assert.equal(at({ renewBefore: '10s' }), 80_000)
  assert.equal(at({ renewBefore: '90s' }), 60_000)
  assert.equal(at({ renewBeforePercentage: 50 }), 45_000)
})
