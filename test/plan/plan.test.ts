import assert from 'node:assert/strict'
import test from 'node:test'
import { annotations, apiVersion } from '../../src/api/names.ts'
import type { KubeObject, ObjectMeta } from '../../src/api/objects.ts'
import { plan } from '../../src/plan/plan.ts'

const owner = { uid: 'link-1' }
const ownerReferences = [{ apiVersion, kind: 'LogstashLink', name: 'orders', uid: 'link-1' }]

function service(metadata: Partial<ObjectMeta> = {}, spec: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders-receiver', namespace: 'shop', ownerReferences, ...metadata },
    spec: { clusterIP: 'None', ports: [{ name: 'a', port: 9800 }], ...spec },
  }
}

/** What the API server shows after it took the object. */
function served(object: KubeObject): KubeObject {
  const spec = object['spec'] as { ports?: object[] }
  return {
    ...object,
    metadata: {
      ...object.metadata,
      uid: 'uid-9',
      resourceVersion: '7',
      creationTimestamp: '2026-11-22T10:00:00Z',
    },
    spec: {
      ...spec,
      ports: (spec.ports ?? []).map((port) => ({ ...port, protocol: 'TCP' })),
      sessionAffinity: 'None',
      clusterIPs: ['None'],
    },
    status: { loadBalancer: {} },
  }
}

const nothing = { create: [], apply: [], remove: [], conflicts: [], oversized: [] }
const key = { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'orders-receiver' }

function created(wanted: KubeObject): KubeObject {
  const [object] = plan({ current: [], desired: [wanted], owner }).create
  assert.ok(object)
  return object
}

test('what is missing is created, with the digest of what was wanted', () => {
  const object = created(service())
  assert.match(object.metadata.annotations?.[annotations.applied] ?? '', /^[0-9a-f]{16}$/)
  assert.equal(object.metadata.uid, undefined)
})

test('what the API server filled in makes no change', () => {
  const wanted = service({}, { selector: {}, externalIPs: [] })
  const there = served(created(wanted))
  delete (there['spec'] as Record<string, unknown>)['externalIPs']
  assert.deepEqual(plan({ current: [there], desired: [wanted], owner }), nothing)
})

test('what the API server leaves out because it is false or zero makes no change', () => {
  const wanted = service({}, { publishNotReadyAddresses: false, healthCheckNodePort: 0 })
  const there = served(created(wanted))
  const spec = there['spec'] as Record<string, unknown>
  delete spec['publishNotReadyAddresses']
  delete spec['healthCheckNodePort']
  assert.deepEqual(plan({ current: [there], desired: [wanted], owner }), nothing)
  spec['publishNotReadyAddresses'] = true
  assert.equal(plan({ current: [there], desired: [wanted], owner }).apply.length, 1)
})

test('other owners, labels and annotations beside ours make no change', () => {
  const there = served(created(service()))
  there.metadata.ownerReferences = [
    { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'x', controller: true },
    ...ownerReferences.map((each) => ({ ...each, blockOwnerDeletion: false })),
  ]
  there.metadata.labels = { theirs: 'yes' }
  there.metadata.annotations = { ...there.metadata.annotations, theirs: 'yes' }
  assert.deepEqual(plan({ current: [there], desired: [service()], owner }), nothing)
})

const drifts: [string, KubeObject, (there: KubeObject) => void][] = [
  ['a changed value', service({}, { ports: [{ name: 'a', port: 9900 }] }), () => {}],
  [
    'someone else’s edit',
    service(),
    (there) => Object.assign(there['spec'] as object, { clusterIP: '10.0.0.1' }),
  ],
  [
    'an element too many',
    service(),
    (there) => (there['spec'] as { ports: object[] }).ports.push({ name: 'b', port: 1 }),
  ],
  ['a lost annotation', service(), (there) => (there.metadata.annotations = {})],
]
for (const [title, wanted, spoil] of drifts) {
  test(`${title} is applied with the uid that was seen`, () => {
    const there = served(created(service()))
    spoil(there)
    const result = plan({ current: [there], desired: [wanted], owner })
    assert.equal(result.apply[0]?.metadata.uid, 'uid-9')
    assert.deepEqual({ ...result, apply: [] }, nothing)
  })
}

test('a field that is wanted no more is applied away', () => {
  const there = served(created(service({}, { externalName: 'old' })))
  assert.equal(plan({ current: [there], desired: [service()], owner }).apply.length, 1)
})

test('a lost owner reference makes a conflict, as nothing else proves that the object is ours', () => {
  const there = served(created(service()))
  there.metadata.ownerReferences = []
  assert.equal(plan({ current: [there], desired: [service()], owner }).conflicts.length, 1)
})

test('a foreign object under our name is a conflict and is not touched', () => {
  const there = served(service({ ownerReferences: [] }))
  const result = plan({ current: [there], desired: [service()], owner })
  assert.deepEqual({ ...result, conflicts: [] }, nothing)
  assert.deepEqual(result.conflicts, [
    {
      key,
      message:
        'Service orders-receiver exists and is not of this link; it is left alone. Delete it, or give the link another `metadata.name`.',
    },
  ])
})

test('a foreign object without uid is no more ours than another', () => {
  const there = service({ ownerReferences: [] })
  assert.equal(plan({ current: [there], desired: [service()], owner }).conflicts.length, 1)
})

test('an object of a deleted link of this name is left to the garbage collector', () => {
  const there = served(service())
  const [conflict] = plan({
    current: [there],
    desired: [service()],
    owner: { uid: 'link-2' },
  }).conflicts
  assert.match(conflict?.message ?? '', /garbage collector/)
})

test('a wanted object that names the uid of a foreign one is applied to it', () => {
  const there = served(service({ ownerReferences: [] }))
  const result = plan({ current: [there], desired: [service({ uid: 'uid-9' })], owner })
  assert.equal(result.apply.length, 1)
  const after = { ...there, ...result.apply[0] }
  assert.deepEqual(plan({ current: [after], desired: [service({ uid: 'uid-9' })], owner }), nothing)
})

test('the very object that stands there means that it is left as it is', () => {
  const there = served(service({}, { clusterIP: 'other' }))
  assert.deepEqual(plan({ current: [there], desired: [there], owner }), nothing)
})

test('ours that are wanted no more are removed, but for Secrets, which we may not delete', () => {
  const secret: KubeObject = { ...service({ name: 's', uid: '1' }), kind: 'Secret' }
  const certificate: KubeObject = { ...service({ name: 'c', uid: '2' }), kind: 'Certificate' }
  const foreign = service({ name: 'f', uid: '3', ownerReferences: [] })
  const leaving = service({ name: 'l', uid: '4', deletionTimestamp: '2026-11-22T10:00:00Z' })
  const current = [secret, certificate, foreign, leaving]
  const result = plan({ current, desired: [], owner })
  assert.deepEqual(
    result.remove.map((each) => [each.kind, each.name, each.uid]),
    [['Certificate', 'c', '2']],
  )
})

test('an object over the limit of the API server is reported and not written', () => {
  const wanted: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'orders-sender', namespace: 'shop' },
    data: { 'hosts.json': 'x'.repeat(2 ** 20), 'sidecar.json': '{}' },
  }
  const result = plan({ current: [], desired: [wanted], owner })
  assert.deepEqual(result.create, [])
  assert.match(result.oversized[0]?.message ?? '', /Most of it is hosts\.json with 1048576\.$/)
})
