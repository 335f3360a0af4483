/** What the operator may do by the roles of the chart, and what its policies still refuse it: tried as the operator. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chartFolder } from '../../scripts/helm.ts'
import { eventually } from '../support/eventually.ts'
import { allowed, probes, refusedByPolicies, requestOf, withoutRight } from './policies/attempts.ts'
import { makeWorld, pathIn, type World } from './policies/world.ts'
import { apiAs } from './support/api-as.ts'
import type { Api } from './support/api-request.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const release = 'bounds'
const fullname = `${release}-logstash-link`
const patchTypes = {
  APPLY: 'application/apply-patch+yaml',
  PATCH: 'application/merge-patch+json',
} as const

describe('the operator on a real API server', () => {
  let cluster: TestCluster
  let operator: Api
  let world: World

  before(async () => {
    cluster = await sharedTestCluster()
    const [namespace, own] = [await cluster.namespace(), await cluster.namespace()]
    world = await makeWorld(cluster.api, { namespace, own, fullname })
    await cluster.helm([
      ...['install', release, chartFolder, '--namespace', own],
      ...['--set', 'crds.install=false,rbac.aggregate=false'],
    ])
    operator = await apiAs(cluster, { serviceAccount: fullname, namespace: own })
    await eventually('the policies are in force', async () => {
      for (const probe of probes) {
        const attempt = refusedByPolicies[probe]
        assert.ok(attempt)
        assert.equal(await outcomeOf(attempt), 'policy', probe)
      }
    })
  })
  after(async () => {
    operator.close()
    await cluster.helm(['uninstall', release, '--namespace', world.own])
    await cluster.stop()
  })

  const outcomeOf = async (attempt: (typeof allowed)[string]): Promise<string> => {
    const [verb, path, body] = requestOf(attempt, world)
    const url = `${pathIn(world.namespace, path)}?dryRun=All`
    const manager = verb === 'APPLY' ? '&fieldManager=logstash-link&force=true' : ''
    const isPatch = verb === 'APPLY' || verb === 'PATCH'
    const type = isPatch ? patchTypes[verb] : 'application/json'
    const answer = await operator.ask(isPatch ? 'PATCH' : verb, url + manager, body, type)
    if (answer.status < 300) return 'passes'
    const { message } = JSON.parse(answer.body) as { message: string }
    if (answer.status === 403 && message.includes('ValidatingAdmissionPolicy')) return 'policy'
    if (answer.status === 403 && /is forbidden: User .* cannot /.test(message)) return 'no right'
    return answer.body
  }

  const tables = { passes: allowed, policy: refusedByPolicies, 'no right': withoutRight } as const
  const titles = { passes: 'may', policy: 'is refused by a policy', 'no right': 'has no right' }
  for (const outcome of ['passes', 'policy', 'no right'] as const) {
    describe(`${titles[outcome]}: it`, () => {
      for (const [title, attempt] of Object.entries(tables[outcome])) {
        it(title, async () => assert.equal(await outcomeOf(attempt), outcome))
      }
    })
  }

  it('is known by the token of its service account too', async () => {
    const { own } = world
    const kubeconfig = await cluster.kubeconfigOf({ serviceAccount: fullname, namespace: own })
    const as = (...args: string[]) => cluster.kubectl(['--kubeconfig', kubeconfig, ...args])
    const place = ['-n', world.namespace]
    assert.match(await as('get', 'secret', 'foreign', ...place), /foreign/)
    await assert.rejects(as('get', 'secrets', ...place), /cannot list resource "secrets"/)
    await assert.rejects(
      as('label', 'pod', 'web', 'app=evil', '--overwrite', ...place),
      /may change of a pod only annotations that begin with logstashlink.io/,
    )
  })
})
