import assert from 'node:assert/strict'
import test from 'node:test'
import { conditionTypes, reasons, type ConditionType } from '../../src/api/conditions.ts'
import { skipText } from '../../src/api/injection.ts'
import { injectedAnnotation, roleName, type Role } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Observed, ObservedPod } from '../../src/api/observed.ts'
import { verdict, type VerdictInput } from '../../src/verdict/verdict.ts'
import { injectedPod, linkOf, observedOf, observedPod } from '../support/links.ts'

const link = linkOf()
const pem = '-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n'
const key = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'orders-receiver-tls' }
const identities = { receiver: { key, ca: pem, notAfter: '2026-12-01T00:00:00Z' } }
const file = { revision: 'r', hosts: [{ host: '10.0.0.1', port: 9800 }] }

function configMap(role: Role): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: roleName('orders', role), namespace: 'shop' },
    data: { 'ca.crt': pem },
  }
}

/** Everything as it should be. */
function healthy(link = linkOf(), more: Partial<Observed> = {}): VerdictInput {
  const observed = observedOf(link, {
    identities,
    objects: [configMap('receiver'), configMap('sender')],
    pods: [injectedPod(link, 'web-1', 'sender'), injectedPod(link, 'indexer-1', 'receiver')],
    ...more,
  })
  return { observed, hosts: { file }, trust: { pem } }
}

function condition(input: VerdictInput, type: ConditionType) {
  const found = verdict(input).status.conditions?.find((each) => each.type === type)
  assert.ok(found)
  return found
}

test('a link in good health is Ready, and its status shows counts, hosts and certificate', () => {
  const { status, events, requeueAfterMs } = verdict(healthy())
  assert.deepEqual(
    status.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason]),
    [
      ['Ready', 'True', 'Ready'],
      ['Accepted', 'True', 'Accepted'],
      ['IdentityReady', 'True', 'Issued'],
      ['TrustDistributed', 'True', 'Distributed'],
      ['HostsDiscovered', 'True', 'Discovered'],
      ['ReceiversInjected', 'True', 'Injected'],
      ['SendersInjected', 'True', 'Injected'],
      ['Delivering', 'Unknown', 'NotSampled'],
    ],
  )
  const { conditions: _conditions, ...rest } = status
  assert.deepEqual(rest, {
    observedGeneration: 3,
    receivers: { desired: 1, ready: 1, summary: '1/1' },
    senders: { desired: 1, ready: 1, summary: '1/1' },
    hosts: ['10.0.0.1:9800'],
    hostCount: 1,
    certificate: { secretName: 'orders-receiver-tls', notAfter: '2026-12-01T00:00:00Z' },
  })
  assert.equal(events.filter(({ type }) => type === 'Warning').length, 0)
  assert.equal(requeueAfterMs, 12 * 60 * 60 * 1000)
})

test('from the first reconcile on all conditions are there, with reasons of the catalogue', () => {
  const { status } = verdict({ observed: observedOf(linkOf()) })
  assert.deepEqual(
    status.conditions?.map(({ type }) => type),
    [...conditionTypes],
  )
  for (const { type, status: holds, reason, observedGeneration } of status.conditions ?? []) {
    const known: readonly string[] = reasons[type as ConditionType][holds]
    assert.ok(known.includes(reason), `${type} ${holds} ${reason}`)
    assert.equal(observedGeneration, 3)
  }
})

test('the time of a condition moves only when its status does; without a change there is no event', () => {
  const first = verdict(healthy()).status
  const later = healthy(linkOf(), { now: '2026-11-22T13:00:00Z' })
  const second = verdict({ ...later, previous: first })
  assert.deepEqual(second.status, first)
  assert.deepEqual(second.events, [])

  const lost = { ...later, hosts: { file, problem: 'gone', reason: 'NoReadyEndpoints' as const } }
  const third = verdict({ ...lost, previous: first })
  const changed = third.status.conditions?.filter(
    ({ lastTransitionTime }) => lastTransitionTime === '2026-11-22T13:00:00Z',
  )
  assert.deepEqual(
    changed?.map(({ type }) => type),
    ['Ready', 'HostsDiscovered'],
  )
  assert.deepEqual(third.events, [{ type: 'Warning', reason: 'NoReadyEndpoints', message: 'gone' }])
})

test('what passes by itself makes no event', () => {
  const { events } = verdict({ observed: observedOf(link, { pods: [starting] }) })
  assert.deepEqual(
    events.map(({ reason }) => reason),
    ['Accepted', 'NoPods'],
  )
})

test('a message of any length fits into a status and an event', () => {
  const message = 'x'.repeat(100_000)
  const { status, events } = verdict({ ...healthy(), conflicts: [{ key, message }] })
  assert.ok(status.conditions?.every((each) => each.message.length <= 4096))
  assert.ok(events.every((each) => each.message.length <= 1024))
})

test('the same state in another order gives the same status', () => {
  const pods = ['web-3', 'web-1', 'web-2'].map((name) => observedPod(name))
  const one = verdict(healthy(link, { pods }))
  const other = verdict(healthy(link, { pods: pods.toReversed() }))
  assert.deepEqual(one, other)
})

test('of many hosts the status shows fifty and the number', () => {
  const hosts = Array.from({ length: 60 }, (_, n) => ({ host: `10.0.0.${n + 1}`, port: 9800 }))
  const { status } = verdict({ ...healthy(), hosts: { file: { revision: 'r', hosts } } })
  assert.deepEqual([status.hosts?.length, status.hostCount], [50, 60])
})

const starting = injectedPod(link, 'web-1', 'sender', { sidecars: {} })
const skipped = (reason: string) => ({
  [injectedAnnotation('orders', 'sender')]: skipText({ reason, message: 'Port 9801 is used.' }),
})
const good = injectedPod(link, 'web-0', 'sender')
const senders: [string, ObservedPod[], string, string | RegExp][] = [
  ['no pod', [], 'NoPods', /^No pod of namespace shop is picked by `spec\.sender\.selector`\.$/],
  ['only finished pods', [{ ...good, finished: true }], 'NoPods', /No pod/],
  [
    'pods of which one lacks it',
    [good, observedPod('web-1'), observedPod('bare', { workload: undefined as never })],
    'NotInjected',
    'Sender sidecars are ready in 1 of 3 pods. Without a sidecar: 2 pods (Deployment/web, Pod/bare); to mend: kubectl rollout restart deployment/web -n shop, make pod bare anew.',
  ],
  [
    'a pod of before a change',
    [
      injectedPod(linkOf({ auth: { secretRef: { name: 'x' } } }), 'web-1', 'sender'),
      injectedPod(link, 'web-2', 'sender', { workload: 'Job/batch' }),
    ],
    'Outdated',
    'Sender sidecars are ready in 1 of 2 pods. With an outdated sidecar: 1 pod (Deployment/web); to mend: kubectl rollout restart deployment/web -n shop.',
  ],
  [
    'a pod whose port is taken',
    [good, observedPod('web-1', { annotations: skipped('PortConflict') })],
    'PortConflict',
    /Left out: web-1\. Port 9801 is used\.$/,
  ],
  [
    'a pod that was left out',
    [good, observedPod('web-1', { annotations: skipped('VolumeMissing') })],
    'Skipped',
    /Left out: web-1\. Port 9801 is used\.$/,
  ],
  [
    'a pod on the host’s network',
    [observedPod('web-1', { hostNetwork: true })],
    'Skipped',
    /hostNetwork/,
  ],
  [
    'a pod that is starting',
    [starting],
    'NotReady',
    'Sender sidecars are ready in 0 of 1 pods. Not ready yet: web-1.',
  ],
  [
    'a pod that opts out beside a good one',
    [good, observedPod('web-1', { labels: { 'logstashlink.io/inject': 'false' } })],
    'Injected',
    'Sender sidecars are ready in 1 of 1 pods. 1 pod opts out by label.',
  ],
  [
    'more pods than a message holds',
    Array.from({ length: 8 }, (_, n) => observedPod(`web-${n}`, { workload: `Deployment/w${n}` })),
    'NotInjected',
    /: 8 pods \(Deployment\/w0, .*, Deployment\/w4 and 3 more\); to mend/,
  ],
  [
    'an annotation that is not ours',
    [observedPod('web-1', { annotations: { [injectedAnnotation('orders', 'sender')]: '[]' } })],
    'NotInjected',
    /1 pod \(Deployment\/web\)/,
  ],
]
for (const [title, pods, reason, message] of senders) {
  test(`SendersInjected with ${title} is ${reason}`, () => {
    const found = condition(healthy(link, { pods }), 'SendersInjected')
    assert.equal(found.reason, reason)
    if (typeof message === 'string') assert.equal(found.message, message)
    else assert.match(found.message, message)
  })
}

function certificate(status: object): KubeObject {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: 'orders-receiver', namespace: 'shop' },
    status,
  }
}
const failed = certificate({
  lastFailureTime: '2026-11-22T11:00:00Z',
  conditions: [{ type: 'Issuing', status: 'False', message: 'the issuer says no.' }],
})
const identityCases: [string, Partial<Observed>, string, RegExp][] = [
  [
    'not yet',
    { identities: {} },
    'Issuing',
    /kubectl describe certificate orders-receiver -n shop/,
  ],
  ['refused', { identities: {}, objects: [failed] }, 'IssuerFailed', /the issuer says no\./],
  [
    'waiting for an issuer that is not there',
    { identities: {}, issuance: { receiver: { message: 'issuer x not found.', failed: true } } },
    'IssuerFailed',
    /is not issued: issuer x not found\. \(see kubectl describe certificate orders-receiver -n shop\)\.$/,
  ],
  [
    'ordered',
    { identities: {}, issuance: { receiver: { message: 'waiting for order y', failed: false } } },
    'Issuing',
    /is not issued yet: waiting for order y; see/,
  ],
  [
    'refused with more than the Certificate says',
    {
      identities: {},
      objects: [failed],
      issuance: { receiver: { message: 'denied by policy.', failed: true } },
    },
    'IssuerFailed',
    /denied by policy\./,
  ],
  ['renewal refused', { objects: [failed] }, 'Issued', /Its renewal fails: the issuer says no\./],
  ['empty', { identities: { receiver: { key } } }, 'SecretInvalid', /holds no certificate/],
  ['ended', { now: '2026-12-01T00:00:00Z' }, 'Expired', /expired at 2026-12-01T00:00:00Z/],
]
for (const [title, more, reason, message] of identityCases) {
  test(`IdentityReady of a certificate that is ${title} is ${reason}`, () => {
    const found = condition(healthy(link, more), 'IdentityReady')
    assert.equal(found.reason, reason)
    assert.match(found.message, message)
  })
}

const large = { key: { ...key, kind: 'ConfigMap' }, message: 'Most of it is hosts.json with 1.' }
const trustCases: [string, Partial<VerdictInput>, string, string][] = [
  [
    'before the first certificate',
    healthyWith({ identities: {} }, { pem: '' }),
    'Unknown',
    'Pending',
  ],
  [
    'while ConfigMaps lag',
    healthyWith({ objects: [configMap('sender')] }, { pem }),
    'Unknown',
    'Pending',
  ],
  ['of an issuer without CA', healthyWith({}, { pem: '' }), 'True', 'Distributed'],
  [
    'with a bad Secret',
    healthyWith({}, { pem: '', problem: 'bad', reason: 'SecretInvalid' }),
    'False',
    'SecretInvalid',
  ],
  ['that is too large', { ...healthy(), oversized: [large] }, 'False', 'TooLarge'],
  ['of a link that is not accepted', { observed: observedOf(link) }, 'Unknown', 'Pending'],
  ['without TLS', healthy(linkOf({ tls: { enabled: false } })), 'True', 'NotNeeded'],
]
for (const [title, input, status, reason] of trustCases) {
  test(`TrustDistributed ${title} is ${status}, ${reason}`, () => {
    const found = condition(input as VerdictInput, 'TrustDistributed')
    assert.deepEqual([found.status, found.reason], [status, reason])
  })
}

function healthyWith(more: Partial<Observed>, trust: NonNullable<VerdictInput['trust']>) {
  return { ...healthy(link, more), trust }
}

const at = '2026-11-22T11:59:00Z'
const web = { pod: 'web-1', role: 'sender' as const, at, reachable: true }
const indexer = { pod: 'indexer-1', role: 'receiver' as const, at, reachable: true }
const samples: [string, Observed['samples'], string, RegExp][] = [
  ['nobody', [], 'NotSampled', /No sidecar was asked yet/],
  [
    'all, and all are well',
    [web, indexer],
    'Delivering',
    /^No sidecar reports a problem\. 2 of 2 asked\.$/,
  ],
  [
    'one that does not answer',
    [web, { ...indexer, reachable: false }],
    'Delivering',
    /1 of 2 asked\.$/,
  ],
  ['one that never answers', [{ ...web, reachable: false }], 'Unreachable', /web-1/],
  [
    'one with a problem',
    [{ ...web, problem: 'hosts refuse with 401' }, indexer],
    'SidecarProblem',
    /^hosts refuse with 401\. \(web-1\) 2 of 2 asked\.$/,
  ],
  ['one whose events wait', [{ ...web, oldestEventAge: 61_000 }], 'Delayed', /in web-1\. 1 of 2/],
  ['one whose pod is gone', [{ ...web, pod: 'gone', problem: 'x' }], 'NotSampled', /asked yet/],
]
for (const [title, said, reason, message] of samples) {
  test(`Delivering after asking ${title} is ${reason}`, () => {
    const input = healthy(link, { samples: said })
    const found = condition(input, 'Delivering')
    assert.equal(found.reason, reason)
    assert.match(found.message, message)
    const holds = found.status === 'False' ? ['False', 'NotDelivering'] : ['True', 'Ready']
    const { status, reason: ready } = condition(input, 'Ready')
    assert.deepEqual([status, ready], holds)
  })
}

test('a link without senders needs no senders; its receivers still count', () => {
  const alone = linkOf({ sender: undefined })
  const pods = [injectedPod(alone, 'indexer-1', 'receiver')]
  const { status } = verdict(healthy(alone, { pods, objects: [configMap('receiver')] }))
  assert.equal(status.conditions?.[0]?.status, 'True')
  assert.equal(status.senders, undefined)
})

const requeues: [string, VerdictInput, number | undefined][] = [
  [
    'only after a change where that alone can help',
    { observed: observedOf(linkOf({ tls: { enabled: false } })) },
    undefined,
  ],
  ['while a Secret is missing', healthy(linkOf({ auth: { secretRef: { name: 'x' } } })), 30_000],
  ['while a certificate is issued', healthy(link, { identities: {} }), 60_000],
  ['at the end of a certificate', healthy(link, { now: '2026-11-30T23:59:00Z' }), 61_000],
]
for (const [title, input, time] of requeues) {
  test(`the link is looked at again ${title}: ${time} ms`, () => {
    assert.equal(verdict(input).requeueAfterMs, time)
  })
}

const issuingSince = (time: string) =>
  certificate({ conditions: [{ type: 'Issuing', status: 'True', lastTransitionTime: time }] })
for (const [what, time, expected] of [
  ['just begun', '2026-11-22T12:00:00Z', 2000],
  ['half a minute old', '2026-11-22T11:59:30Z', 30_000],
  ['an hour old', '2026-11-22T11:00:00Z', 60_000],
] as const) {
  test(`an issue that is ${what} is looked at again after ${expected} ms`, () => {
    const { requeueAfterMs } = verdict(healthy(link, { objects: [issuingSince(time)] }))
    assert.equal(requeueAfterMs, expected)
  })
}

test('a namespace that the webhook does not cover makes a link not accepted, without an event', () => {
  const { status, events } = verdict(healthy(link, { webhook: 'The webhook is not called yet.' }))
  const accepted = status.conditions?.find(({ type }) => type === 'Accepted')
  assert.deepEqual([accepted?.status, accepted?.reason], ['False', 'WebhookNotReady'])
  assert.ok(!events.some(({ reason }) => reason === 'WebhookNotReady'))
})
