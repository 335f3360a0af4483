import assert from 'node:assert/strict'
import test from 'node:test'
import { annotations, configFiles } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Observed } from '../../src/api/observed.ts'
import { trustBundle } from '../../src/discovery/trust-bundle.ts'
import { createAuthority } from '../../src/local/ca/issue.ts'
import { injectedPod, linkOf, observedOf } from '../support/links.ts'

const start = new Date('2026-11-01T00:00:00Z')
async function authorityPem(days: number, since = start): Promise<string> {
  const authority = await createAuthority({
    commonName: 'ca',
    now: () => since,
    days,
    algorithm: 'EC',
  })
  return authority.caPem
}
const current = await authorityPem(365)
const old = await authorityPem(60)
const ended = await authorityPem(5)

const secretLink = linkOf({
  receiver: { hosts: ['ds.example.com'] },
  tls: { trust: { secretRef: { name: 'ds-ca' } } },
})

function identity(ca: string): Observed['identities'] {
  const key = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'orders-receiver-tls' }
  return { receiver: { key, ca, notAfter: '2026-12-01T00:00:00Z' } }
}

function configMap(pem: string, more: { source?: string; owner?: string } = {}): KubeObject {
  const { source = 'Issuer', owner = 'uid-of-orders' } = more
  const reference = { apiVersion: 'logstashlink.io/v1alpha1', kind: 'LogstashLink', name: 'orders' }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'orders-sender',
      namespace: 'shop',
      annotations: { [annotations.trustSource]: source },
      ownerReferences: [{ ...reference, uid: owner }],
    },
    data: { [configFiles.trust]: pem },
  }
}

function count(pem: string): number {
  return pem.split('BEGIN CERTIFICATE').length - 1
}

test('the bundle of our own receivers is the CA of their issuer, encoded anew', () => {
  const untidy = `\n${current.replaceAll('\n', '\r\n')}\n${current}`
  assert.deepEqual(trustBundle(observedOf(linkOf(), { identities: identity(untidy) })), {
    pem: current,
  })
})

test('a CA that was distributed stays beside the new one until it expires', () => {
  const objects = [configMap(old + ended + current)]
  const { pem } = trustBundle(observedOf(linkOf(), { identities: identity(current), objects }))
  assert.equal(count(pem), 2)
  assert.ok(pem.includes(old) && pem.includes(current))
  const again = trustBundle(
    observedOf(linkOf(), { identities: identity(current), objects: [configMap(pem)] }),
  )
  assert.equal(again.pem, pem)
})

const fingerprint = 'AB:CD'
const carrier = injectedPod(linkOf(), 'indexer-1', 'receiver')
const other = injectedPod(linkOf(), 'indexer-2', 'receiver')
const sampleOf = (pod: string, identity?: string) => ({
  pod,
  role: 'receiver' as const,
  at: 'now',
  reachable: identity !== undefined,
  ...(identity === undefined ? {} : { identity }),
})
const takenUp: [string, Partial<Observed>, number][] = [
  [
    'goes once all receivers show the leaf of now',
    { samples: [sampleOf('indexer-1', fingerprint)] },
    1,
  ],
  ['stays while one shows the leaf before', { samples: [sampleOf('indexer-1', 'EF')] }, 2],
  ['stays while one does not answer', { samples: [sampleOf('indexer-1')] }, 2],
  [
    'stays while one was not asked',
    { pods: [carrier, other], samples: [sampleOf('indexer-1', fingerprint)] },
    2,
  ],
  ['stays while nobody runs', { pods: [] }, 2],
]
for (const [what, more, expected] of takenUp) {
  test(`an authority that was replaced ${what}`, () => {
    const { receiver } = identity(current)
    assert.ok(receiver)
    const { pem } = trustBundle(
      observedOf(linkOf(), {
        identities: { receiver: { ...receiver, fingerprint } },
        objects: [configMap(old + current)],
        pods: [carrier],
        ...more,
      }),
    )
    assert.equal(count(pem), expected)
  })
}

test('of old authorities the eight youngest stay', async () => {
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, day) =>
      authorityPem(90, new Date(start.getTime() + day * 8.64e7)),
    ),
  )
  const objects = [configMap(all.join(''))]
  const { pem } = trustBundle(observedOf(linkOf(), { identities: identity(current), objects }))
  assert.equal(count(pem), 9)
  assert.deepEqual(
    all.map((each) => pem.includes(each)),
    [false, false, true, true, true, true, true, true, true, true],
  )
})

const strangers: [string, KubeObject][] = [
  ['of a foreign ConfigMap', configMap(old, { owner: 'someone' })],
  ['that came from a Secret when the link was another', configMap(old, { source: 'Secret' })],
  ['in a bundle that someone spoiled', configMap(`${old}and a word`)],
]
for (const [title, object] of strangers) {
  test(`an authority ${title} is not kept`, () => {
    const objects = [object]
    const { pem } = trustBundle(observedOf(linkOf(), { identities: identity(current), objects }))
    assert.equal(pem, current)
  })
}

test('before the first certificate there is no authority and no problem', () => {
  assert.deepEqual(trustBundle(observedOf(linkOf())), { pem: '' })
})

test('an issuer without CA is a problem only where receivers verify senders', () => {
  const required = linkOf({
    tls: { issuerRef: { name: 'acme' }, clientAuthentication: 'Required' },
  })
  assert.deepEqual(trustBundle(observedOf(linkOf(), { identities: identity('') })), { pem: '' })
  const { problem, reason } = trustBundle(observedOf(required, { identities: identity('') }))
  assert.equal(reason, 'NoAuthority')
  assert.match(problem ?? '', /issuer acme supplies no CA/)
})

const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----\n'
const refused: [string, Observed['named'], string, RegExp][] = [
  ['missing', { trust: { exists: false } }, 'SecretNotFound', /ds-ca.*does not exist/],
  ['without the key', { trust: { exists: true } }, 'SecretInvalid', /no key ca\.crt/],
  ['empty', { trust: { exists: true, content: ' \n' } }, 'SecretInvalid', /it is empty/],
  ['a word', { trust: { exists: true, content: 'hunter2' } }, 'SecretInvalid', /something beside/],
  [
    'a key',
    { trust: { exists: true, content: current + key } },
    'SecretInvalid',
    /something beside/,
  ],
  [
    'no certificate within the block',
    {
      trust: {
        exists: true,
        content: `${current}-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n`,
      },
    },
    'SecretInvalid',
    /block 2 of it is no certificate/,
  ],
  [
    'over the limit',
    { trust: { exists: true, content: current.repeat(2000) } },
    'SecretInvalid',
    /over 524288 bytes/,
  ],
]
for (const [title, named, reason, message] of refused) {
  test(`a trust Secret that is ${title} is refused, and nothing of it is quoted`, () => {
    const result = trustBundle(observedOf(secretLink, { named }))
    assert.deepEqual([result.pem, result.reason], ['', reason])
    assert.match(result.problem ?? '', message)
    assert.doesNotMatch(result.problem ?? '', /hunter2|c2Vjcm/)
  })
}

test('a trust Secret’s certificates are taken, each once', () => {
  const named = { trust: { exists: true, content: current + old + current } }
  const { pem, problem } = trustBundle(observedOf(secretLink, { named }))
  assert.deepEqual([count(pem), problem], [2, undefined])
})

test('without a trust Secret the system’s authorities are meant, without TLS none', () => {
  const system = linkOf({ receiver: { hosts: ['ds.example.com'] }, tls: {} })
  assert.deepEqual(trustBundle(observedOf(system)), { pem: '' })
  assert.deepEqual(trustBundle(observedOf(linkOf({ tls: { enabled: false } }))), { pem: '' })
})
