/** Who owns which field, as the real API server keeps account of it, and what follows when others write too. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ObjectKey } from '../../src/api/objects.ts'
import { applyPlan } from '../../src/controller/apply-plan.ts'
import { eventually } from '../support/eventually.ts'
import { configMapKind, openWorld, quickstart, serviceKind } from '../controller/world.ts'
import { underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

type World = Awaited<ReturnType<typeof openWorld>>

interface Managed {
  manager: string
  operation: string
  subresource?: string
  fieldsV1: Record<string, unknown>
}

interface ServiceSpec {
  selector?: Record<string, string>
  ports?: { port: number }[]
  publishNotReadyAddresses?: boolean
  internalTrafficPolicy?: string
}

async function serviceSpec(world: World): Promise<ServiceSpec> {
  const service = await world.get(serviceKind, 'orders-receiver')
  assert.ok(service)
  return service['spec'] as ServiceSpec
}

describe('field ownership on a real API server', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  const managed = async (resource: string, name: string, namespace: string) => {
    const args = ['get', resource, name, '-n', namespace, '-o', 'json', '--show-managed-fields']
    const { metadata } = JSON.parse(await cluster.kubectl(args)) as {
      metadata: { managedFields: Managed[] }
    }
    return metadata.managedFields
  }
  const patch = (resource: string, name: string, namespace: string, body: object) =>
    cluster.kubectl([
      ...['patch', resource, name, '-n', namespace, '--type', 'merge'],
      ...['--patch', JSON.stringify(body)],
    ])

  it('what we wrote is owned by one manager, by apply, and of a link only the status', async (t) => {
    const world = await openWorld(t, () => underTest(cluster))
    await world.apply('orders', quickstart)
    await world.untilCondition('orders', 'Accepted', 'Accepted')
    for (const [resource, name] of [
      ['configmap', 'orders-receiver'],
      ['service', 'orders-receiver'],
      ['certificate', 'orders-receiver'],
    ] as const) {
      const ours = (await managed(resource, name, world.ns)).filter(
        ({ operation, subresource }) => operation === 'Apply' && subresource === undefined,
      )
      assert.deepEqual(
        ours.map(({ manager }) => manager),
        ['logstash-link'],
        resource,
      )
      const fields = ours[0]?.fieldsV1 ?? {}
      const content = resource === 'configmap' ? 'f:data' : 'f:spec'
      assert.ok(content in fields, `${resource}: ${Object.keys(fields).join()}`)
    }
    const ofLink = await managed('lsl', 'orders', world.ns)
    const ours = ofLink.filter(({ manager }) => manager === 'logstash-link')
    assert.deepEqual(
      ours.map(({ operation, subresource }) => `${operation} ${subresource}`),
      ['Apply status'],
    )
    assert.deepEqual(Object.keys(ours[0]?.fieldsV1 ?? {}), ['f:status'])
  })

  it('an edit of a field of ours by kubectl is put back', async (t) => {
    const world = await openWorld(t, () => underTest(cluster))
    await world.apply('orders', quickstart)
    await world.untilCondition('orders', 'Accepted', 'Accepted')
    const whole = await world.data('orders-receiver', 'sidecar.json')
    const before = await serviceSpec(world)
    await patch('configmap', 'orders-receiver', world.ns, { data: { 'sidecar.json': '{}' } })
    await patch('service', 'orders-receiver', world.ns, {
      spec: { publishNotReadyAddresses: true, selector: { app: 'mine' } },
    })
    await eventually('both edits are undone', async () => {
      assert.equal(await world.data('orders-receiver', 'sidecar.json'), whole)
      const { selector = {}, publishNotReadyAddresses } = await serviceSpec(world)
      assert.notEqual(publishNotReadyAddresses, true)
      // A key that somebody added to a map is theirs.
      const { app: _, ...ours } = selector
      assert.deepEqual(ours, before.selector)
    })
  })

  it('what somebody else adds stays through our next writes', async (t) => {
    const world = await openWorld(t, () => underTest(cluster))
    await world.apply('orders', quickstart)
    await world.untilCondition('orders', 'Accepted', 'Accepted')
    const metadata = { labels: { team: 'blue' }, annotations: { note: 'seen' } }
    await patch('configmap', 'orders-receiver', world.ns, { metadata, data: { extra: '1' } })
    await patch('service', 'orders-receiver', world.ns, {
      metadata,
      spec: { internalTrafficPolicy: 'Local' },
    })
    const receiver = { ...quickstart.receiver, port: 9900, deliver: { http: { port: 8181 } } }
    await world.apply('orders', { ...quickstart, receiver })
    await eventually('the change of the link has reached both', async () => {
      assert.match(await world.data('orders-receiver', 'sidecar.json'), /8181/)
      const { ports = [] } = await serviceSpec(world)
      assert.deepEqual(
        ports.map(({ port }) => port),
        [9900],
      )
    })
    assert.equal(await world.data('orders-receiver', 'extra'), '1')
    for (const its of [configMapKind, serviceKind]) {
      const object = await world.get(its, 'orders-receiver')
      assert.equal(object?.metadata.labels?.['team'], 'blue')
      assert.equal(object?.metadata.annotations?.['note'], 'seen')
    }
    const { internalTrafficPolicy } = await serviceSpec(world)
    assert.equal(internalTrafficPolicy, 'Local')
  })

  it('a ConfigMap that we created loses the keys that are wanted no more', async (t) => {
    const under = await underTest(cluster)
    t.after(() => under.stop())
    const ours = under.as('logstash-link')
    const namespace = await under.namespace()
    const key: ObjectKey = { ...configMapKind, namespace, name: 'orders-receiver' }
    const wanted = (data: Record<string, string>) => ({
      ...configMapKind,
      metadata: { namespace, name: 'orders-receiver' },
      data,
    })
    const nothing = { create: [], apply: [], remove: [] }
    const link = { name: 'orders' }
    await applyPlan(ours, { ...nothing, create: [wanted({ a: '1', b: '2' })] }, link)
    assert.deepEqual((await ours.get(key))?.['data'], { a: '1', b: '2' })
    await applyPlan(ours, { ...nothing, apply: [wanted({ a: '1' })] }, link)
    assert.deepEqual((await ours.get(key))?.['data'], { a: '1' })
  })
})
