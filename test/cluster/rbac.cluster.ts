/** An operator that lacks rights: it says what is refused to whom, and goes on by itself once they are granted. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it, type TestContext } from 'node:test'
import { configMapKind, openWorld, quickstart } from '../controller/world.ts'
import { eventually } from '../support/eventually.ts'
import { openKube, underTest } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

const all = ['get', 'list', 'watch', 'create', 'patch', 'delete']
const rights: Rule[] = [
  {
    apiGroups: ['logstashlink.io'],
    resources: ['logstashlinks', 'logstashlinks/status'],
    verbs: all,
  },
  { apiGroups: ['cert-manager.io'], resources: ['*'], verbs: all },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: all },
  {
    apiGroups: [''],
    resources: ['services', 'configmaps', 'pods', 'nodes', 'events', 'secrets'],
    verbs: all,
  },
]

/** All rights but one. */
function without(resource: string, verb: string): Rule[] {
  return rights.flatMap((rule) =>
    rule.resources.map((each) => ({
      ...rule,
      resources: [each],
      verbs: each === resource ? rule.verbs.filter((one) => one !== verb) : rule.verbs,
    })),
  )
}

describe('missing rights on a real cluster', () => {
  let cluster: TestCluster
  before(async () => {
    cluster = await sharedTestCluster()
  })
  after(() => cluster.stop())

  /** A user with these rights in the whole cluster, until the test is over. */
  const operator = async (t: TestContext, rules: Rule[]) => {
    const user = `operator-${randomUUID()}`
    const rbac = 'rbac.authorization.k8s.io'
    const at = `/apis/${rbac}/v1`
    const role = (given: Rule[]) => ({
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: user },
      rules: given,
    })
    await cluster.api.object('POST', `${at}/clusterroles`, role(rules))
    await cluster.api.object('POST', `${at}/clusterrolebindings`, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: user },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
    })
    t.after(async () => {
      await cluster.api.object('DELETE', `${at}/clusterrolebindings/${user}`)
      await cluster.api.object('DELETE', `${at}/clusterroles/${user}`)
    })
    return {
      user,
      kubeconfig: await cluster.kubeconfigOf({ user }),
      grantAll: () => cluster.api.object('PUT', `${at}/clusterroles/${user}`, role(rights)),
    }
  }

  for (const [resource, verb] of [
    ['configmaps', 'create'],
    ['services', 'patch'],
  ] as const) {
    it(`without ${verb} of ${resource} the link says so, and goes on once it is granted`, async (t) => {
      const { user, kubeconfig, grantAll } = await operator(t, without(resource, verb))
      const world = await openWorld(t, () => underTest(cluster, kubeconfig))
      await world.apply('orders', quickstart)
      const said = await eventually('the link says what is refused', async () => {
        const { status, reason, message } = await world.condition('orders', 'Accepted')
        assert.deepEqual([status, reason], ['False', 'Forbidden'])
        assert.match(message, new RegExp(`cannot ${verb} resource "${resource}"`))
        return message
      })
      assert.ok(said.includes(user), said)
      await grantAll()
      await world.untilCondition('orders', 'Accepted', 'Accepted', 60_000)
      assert.ok(await world.get(configMapKind, 'orders-receiver'))
    })
  }

  it('without a watch it is not ready and names it, and is ready once it is granted', async (t) => {
    const { user, kubeconfig, grantAll } = await operator(t, without('endpointslices', 'list'))
    const kube = await openKube(kubeconfig)
    t.after(() => kube.close())
    const slices = kube.cluster.watch(
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
      {},
      () => undefined,
    )
    const ready = () => {
      const check = kube.cluster.checks.ready['cluster']
      assert.ok(check)
      return check()
    }
    await eventually('the check names what is refused', async () => {
      const { ok, message } = ready()
      assert.equal(ok, false)
      assert.match(message, /EndpointSlice.*cannot list resource "endpointslices"/s)
      assert.ok(message.includes(user), message)
    })
    await grantAll()
    await slices.synced
    assert.equal(ready().ok, true)
  })
})
