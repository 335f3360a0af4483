import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import type { KubeObject } from '../../../src/api/objects.ts'
import type { WatchEvent } from '../../../src/kube/cluster.ts'
import { createInMemoryCluster } from '../../../src/local/cluster/in-memory-cluster.ts'
import type { InMemoryCluster } from '../../../src/local/cluster/in-memory-cluster.ts'

const kind = { apiVersion: 'v1', kind: 'ConfigMap' }
const wheres = [
  {},
  { namespace: 'a' },
  { selector: { matchLabels: { app: 'x' } } },
  {
    namespace: 'b',
    selector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['y'] }] },
  },
]

interface Write {
  what: 'apply' | 'create' | 'delete' | 'settle'
  manager: string
  namespace: string
  name: string
  app: string
  owner: string
  data: Record<string, string>
}

const writes = fc.array(
  fc.record<Write>({
    what: fc.constantFrom('apply', 'apply', 'create', 'delete', 'settle'),
    manager: fc.constantFrom('one', 'two'),
    namespace: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('p', 'q', 'r'),
    app: fc.constantFrom('x', 'y', ''),
    owner: fc.constantFrom('', '', 'p', 'q'),
    data: fc.dictionary(fc.constantFrom('k', 'l', 'm'), fc.constantFrom('1', '2'), { maxKeys: 3 }),
  }),
  { maxLength: 40 },
)

test('replaying the events of any watch gives what list gives, and versions only grow', async () => {
  await fc.assert(
    fc.asyncProperty(writes, fc.nat({ max: 40 }), async (sequence, watchAt) => {
      const cluster = createInMemoryCluster({ now: () => new Date(0) })
      let replicas: Replica[] = []
      for (const [index, write] of sequence.entries()) {
        if (index === watchAt) replicas = wheres.map((where) => replicate(cluster, where))
        await perform(cluster, write)
      }
      if (replicas.length === 0) replicas = wheres.map((where) => replicate(cluster, where))
      await cluster.settled()
      for (const { where, objects, versions } of replicas) {
        const listed = await cluster.list(kind, where)
        assert.deepEqual([...objects.values()].toSorted(byPlace), listed)
        for (const [place, seen] of versions) {
          assert.deepEqual(
            seen,
            [...new Set(seen)].toSorted((a, b) => a - b),
            place,
          )
        }
      }
    }),
    { numRuns: 300 },
  )
})

interface Fields {
  /** Last applied by each manager, in the order of their applies. */
  applied: Map<string, Record<string, string>>
  data: Record<string, string>
}

test('fields follow the ownership of any sequence of applies by two managers', async () => {
  await fc.assert(
    fc.asyncProperty(writes, async (sequence) => {
      const cluster = createInMemoryCluster({ now: () => new Date(0) })
      const model: Fields = { applied: new Map(), data: {} }
      for (const { manager, data } of sequence) {
        model.data = expectedData(model, manager, data)
        const object = { ...kind, metadata: { namespace: 'a', name: 'p' }, data }
        const after = await cluster.as(manager).apply(object)
        assert.deepEqual(after.data ?? {}, model.data)
      }
    }),
    { numRuns: 300 },
  )
})

/** The model: a manager loses a field when the other one sets it to another value, and only then. */
function expectedData(model: Fields, manager: string, data: Record<string, string>) {
  const own = model.applied.get(manager) ?? {}
  for (const [other, fields] of model.applied) {
    const kept = Object.entries(fields).filter(([key, value]) => (data[key] ?? value) === value)
    if (other !== manager) model.applied.set(other, Object.fromEntries(kept))
  }
  model.applied.set(manager, data)
  const owned = new Set([...model.applied.values()].flatMap((fields) => Object.keys(fields)))
  const rest = Object.entries(model.data).filter(([key]) => owned.has(key) || !(key in own))
  return { ...Object.fromEntries(rest), ...data }
}

interface Replica {
  where: (typeof wheres)[number]
  objects: Map<string, KubeObject>
  versions: Map<string, number[]>
}

function replicate(cluster: InMemoryCluster, where: (typeof wheres)[number]): Replica {
  const replica: Replica = { where, objects: new Map(), versions: new Map() }
  cluster.watch(kind, where, ({ type, object }: WatchEvent) => {
    const place = placeOf(object)
    const { objects, versions } = replica
    versions.set(place, [...(versions.get(place) ?? []), Number(object.metadata.resourceVersion)])
    assert.equal(objects.has(place), type !== 'ADDED', `${type} ${place}`)
    if (type === 'DELETED') objects.delete(place)
    else objects.set(place, object)
  })
  return replica
}

async function perform(cluster: InMemoryCluster, write: Write): Promise<void> {
  const { what, manager, namespace, name, app, owner, data } = write
  if (what === 'settle') return cluster.settled()
  if (what === 'delete') return cluster.delete({ ...kind, namespace, name })
  const there = await cluster.get({ ...kind, namespace, name: owner || 'none' })
  const ownerReferences =
    there === undefined ? [] : [{ ...kind, name: owner, uid: there.metadata.uid ?? '' }]
  const metadata = { namespace, name, labels: app === '' ? {} : { app }, ownerReferences }
  const attempt = cluster.as(manager)[what]({ ...kind, metadata, data })
  await attempt.catch((error: { reason?: string }) => assert.equal(error.reason, 'AlreadyExists'))
}

function placeOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}

function byPlace(a: KubeObject, b: KubeObject): number {
  return placeOf(a) < placeOf(b) ? -1 : 1
}
