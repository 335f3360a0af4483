import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { annotations } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Observed } from '../../src/api/observed.ts'
import { parseHostsFile, parseReceiverFile, parseSenderFile } from '../../src/api/sidecar-schema.ts'
import { parseLink } from '../../src/api/validate.ts'
import { desiredObjects } from '../../src/desired/desired-objects.ts'
import { discoverHosts } from '../../src/discovery/discover-hosts.ts'
import { plan } from '../../src/plan/plan.ts'
import { linkOf, observedOf, observedPod, operatorOptions } from '../support/links.ts'
import { goodSamples } from '../support/samples.ts'

const uid = 'uid-of-orders'

function render(observed: Observed, trustBundle = ''): KubeObject[] {
  return desiredObjects({
    observed,
    hosts: discoverHosts(observed).file,
    trustBundle,
    options: operatorOptions,
    newPassword: 'secret',
  })
}

/** What the cluster holds once the objects were written: each with uid and version of its own. */
function written(observed: Observed): KubeObject[] {
  const { create } = plan({ current: [], desired: render(observed), owner: { uid } })
  return create.map((object, index) => ({
    ...object,
    metadata: { ...object.metadata, uid: `object-${index}`, resourceVersion: `${100 + index}` },
  }))
}

function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === name)
  assert.ok(found, `${kind} ${name}`)
  return found
}

function changes(observed: Observed): string[] {
  const { create, apply, remove, conflicts } = plan({
    current: observed.objects,
    desired: render(observed),
    owner: { uid },
  })
  return [
    ...create.map(({ kind, metadata }) => `create ${kind} ${metadata.name}`),
    ...apply.map(({ kind, metadata }) => `apply ${kind} ${metadata.name}`),
    ...remove.map(({ kind, name }) => `remove ${kind} ${name}`),
    ...conflicts.map(({ key }) => `conflict ${key.kind} ${key.name}`),
  ]
}

function tlsSecret(more: Partial<KubeObject['metadata']> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'orders-receiver-tls',
      namespace: 'shop',
      uid: 'tls-1',
      annotations: { 'cert-manager.io/certificate-name': 'orders-receiver' },
      ...more,
    },
  }
}

test('everything carries the link as its owner, and is found by labels', () => {
  for (const { kind, metadata } of render(observedOf(linkOf()))) {
    assert.equal(metadata.ownerReferences?.[0]?.uid, uid, kind)
    assert.equal(metadata.labels?.['logstashlink.io/link'], 'orders', kind)
  }
})

test('a link that no cluster has seen is rendered without owner', () => {
  const { uid: _uid, ...metadata } = linkOf().metadata
  for (const object of render(observedOf({ ...linkOf(), metadata }))) {
    assert.equal(object.metadata.ownerReferences, undefined)
  }
})

test('once written the objects stay, but for the revision of the password that is now known', () => {
  const link = linkOf()
  const objects = written(observedOf(link))
  assert.deepEqual(changes(observedOf(link, { objects })), ['apply Certificate orders-receiver'])
  const certificate = find(render(observedOf(link, { objects })), 'Certificate', 'orders-receiver')
  const { secretTemplate } = certificate['spec'] as { secretTemplate: KubeObject['metadata'] }
  assert.equal(
    secretTemplate.annotations?.[annotations.keystoreRevision],
    find(objects, 'Secret', 'orders-keystore-password').metadata.resourceVersion,
  )
})

test('the Secret of cert-manager gets our owner reference, by its uid and only once', () => {
  const link = linkOf()
  const objects = [...written(observedOf(link)), tlsSecret()]
  const { apply } = plan({
    current: objects,
    desired: render(observedOf(link, { objects })),
    owner: { uid },
  })
  const adopted = find(apply, 'Secret', 'orders-receiver-tls')
  assert.equal(adopted.metadata.uid, 'tls-1')
  assert.equal(adopted['data'], undefined)
  const owned = { ...tlsSecret(), metadata: { ...tlsSecret().metadata, ...adopted.metadata } }
  const again = observedOf(link, { objects: [...written(observedOf(link)), owned] })
  assert.deepEqual(changes(again), ['apply Certificate orders-receiver'])
})

const foreign: [string, KubeObject, string[]][] = [
  [
    'of someone else keeps the Certificate from being made',
    tlsSecret({ annotations: {} }),
    ['conflict Secret orders-receiver-tls'],
  ],
  [
    'of another Certificate too',
    tlsSecret({ annotations: { 'cert-manager.io/certificate-name': 'other' } }),
    ['conflict Secret orders-receiver-tls'],
  ],
  [
    'that an earlier link left is cert-manager’s to take up',
    tlsSecret(),
    ['create Certificate orders-receiver'],
  ],
]
for (const [title, secret, expected] of foreign) {
  test(`a TLS Secret ${title}`, () => {
    const found = changes(observedOf(linkOf(), { objects: [secret] }))
    assert.deepEqual(
      found.filter((each) => /Certificate|-tls/.test(each)),
      expected,
    )
  })
}

test('a foreign Certificate is a conflict, and the Secret that it wrote stays without our mark', () => {
  const certificate: KubeObject = {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'orders-receiver', namespace: 'shop', uid: 'c' },
  }
  const found = changes(observedOf(linkOf(), { objects: [certificate, tlsSecret()] }))
  assert.deepEqual(
    found.filter((each) => /Certificate|-tls/.test(each)),
    ['conflict Certificate orders-receiver'],
  )
})

test('what a changed link no longer wants is removed, but for Secrets, which go with the link', () => {
  const required = { issuerRef: { name: 'shop-ca' }, clientAuthentication: 'Required' }
  const before = written(observedOf(linkOf({ tls: required })))
  const owner = find(before, 'Service', 'orders-receiver').metadata.ownerReferences ?? []
  const secret = tlsSecret({ name: 'orders-sender-tls', ownerReferences: owner })
  const found = changes(observedOf(linkOf(), { objects: [secret, ...before] }))
  assert.deepEqual(
    found.filter((each) => each.startsWith('remove')),
    ['remove Certificate orders-sender'],
  )
})

test('a suspended link keeps its settings and objects, while hosts and trust go on', () => {
  const objects = written(observedOf(linkOf()))
  const changed = {
    receiver: {
      selector: { matchLabels: { app: 'indexer' } },
      port: 9999,
      deliver: { stdout: {} },
    },
  }
  const observed = observedOf(linkOf({ ...changed, sender: undefined, suspend: true }), { objects })
  const { apply, create, remove } = plan({
    current: objects,
    desired: render(observed, 'new bundle'),
    owner: { uid },
  })
  assert.deepEqual([create, remove], [[], []])
  const receiver = find(apply, 'ConfigMap', 'orders-receiver')['data'] as Record<string, string>
  assert.equal(receiver['ca.crt'], 'new bundle')
  assert.deepEqual(JSON.parse(receiver['sidecar.json'] ?? '').deliver, {
    type: 'http',
    url: 'http://127.0.0.1:8080/',
  })
  assert.ok(!apply.some(({ kind }) => kind === 'Service'))
})

function claimedAddresses(link: LogstashLink, ips: string[], claimed?: string[]): unknown {
  const certificate: KubeObject = {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'orders-receiver', namespace: 'shop' },
    spec: { ipAddresses: claimed },
  }
  const pods = ips.map((ip) => observedPod(ip, { roles: ['receiver'], ips: [ip], ready: false }))
  const objects = claimed === undefined ? [] : [certificate]
  const rendered = find(
    render(observedOf(link, { pods, objects })),
    'Certificate',
    'orders-receiver',
  )
  return (rendered['spec'] as { ipAddresses: string[] }).ipAddresses
}

const issuerRef = { name: 'shop-ca' }
const withPods = linkOf({ tls: { issuerRef, includePodIPs: true, ipAddresses: ['192.0.2.1'] } })
const addresses: [string, unknown, string[]][] = [
  ['not those of pods unless asked', claimedAddresses(linkOf(), ['10.0.0.1']), []],
  [
    'those of pods that are not ready too',
    claimedAddresses(withPods, ['10.0.0.2']),
    ['10.0.0.2', '192.0.2.1'],
  ],
  [
    'those of a pod that is gone until there is a new one',
    claimedAddresses(withPods, ['10.0.0.2'], ['10.0.0.1', '10.0.0.2', '192.0.2.1']),
    ['10.0.0.1', '10.0.0.2', '192.0.2.1'],
  ],
  [
    'only those that are there once there is a new one',
    claimedAddresses(withPods, ['10.0.0.3'], ['10.0.0.1', '192.0.2.1']),
    ['10.0.0.3', '192.0.2.1'],
  ],
]
for (const [title, found, expected] of addresses) {
  test(`a certificate’s addresses are ${title}`, () => assert.deepEqual(found, expected))
}

const issued = {
  receiver: {
    key: { apiVersion: 'v1', kind: 'Secret', name: 'orders-receiver-tls' },
    notAfter: '2027-01-01T00:00:00Z',
  },
}
const trusts: [string, Observed, string, object][] = [
  [
    'before the first certificate: a bundle that is still empty',
    observedOf(linkOf()),
    '',
    { type: 'pem', ca: 'ca.crt' },
  ],
  [
    'of an issuer with CA',
    observedOf(linkOf(), { identities: issued }),
    'pem',
    { type: 'pem', ca: 'ca.crt' },
  ],
  [
    'of an issuer without CA: the system’s',
    observedOf(linkOf(), { identities: issued }),
    '',
    { type: 'system' },
  ],
  [
    'of receivers elsewhere: the system’s',
    observedOf(linkOf({ receiver: { hosts: ['a.example'] }, tls: {} })),
    '',
    { type: 'system' },
  ],
  [
    'of receivers elsewhere with a Secret that is missing: a bundle that is still empty',
    observedOf(
      linkOf({ receiver: { hosts: ['a.example'] }, tls: { trust: { secretRef: { name: 'x' } } } }),
    ),
    '',
    { type: 'pem', ca: 'ca.crt' },
  ],
]
for (const [title, observed, bundle, trust] of trusts) {
  test(`the trust of senders ${title}`, () => {
    const { data } = find(render(observed, bundle), 'ConfigMap', 'orders-sender')
    const settings = JSON.parse((data as Record<string, string>)['sidecar.json'] ?? '')
    assert.deepEqual(settings.tls.trust, trust)
  })
}

for (const sample of goodSamples()) {
  test(`the sidecars of the sample ${sample.name} understand their files`, () => {
    const { link } = parseLink(sample.link)
    assert.ok(link)
    const maps = render(observedOf(link)).filter(({ kind }) => kind === 'ConfigMap')
    assert.ok(maps.length > 0)
    for (const { data, metadata } of maps) {
      const files = data as Record<string, string>
      const parse = metadata.name.endsWith('-sender') ? parseSenderFile : parseReceiverFile
      assert.ok('value' in parse(JSON.parse(files['sidecar.json'] ?? '')))
      if (files['hosts.json'] !== undefined) {
        assert.ok('value' in parseHostsFile(JSON.parse(files['hosts.json'])))
      }
    }
  })
}
