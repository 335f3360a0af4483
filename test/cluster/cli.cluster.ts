/** status and check on a real API server, with the operator beside it: what they show, and what they say without rights. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { runCheck } from '../../src/cli/check.ts'
import { runStatus } from '../../src/cli/status.ts'
import { capturedIo } from '../support/captured-io.ts'
import { eventually } from '../support/eventually.ts'
import {
  installConfiguration,
  installServingSecret,
  startOperator,
  type OperatorProgram,
} from './support/operator-program.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const name = 'cli-suite'
const labels = {
  'app.kubernetes.io/part-of': 'logstash-link',
  'app.kubernetes.io/component': 'operator',
}
const flags = [
  `--lease=${name}`,
  `--webhook-configuration=${name}`,
  `--webhook-secret=${name}-webhook-tls`,
]

function deployment(
  namespace: string,
  app: string,
  more: { labels?: object; args?: string[] } = {},
) {
  const container = { name: 'app', image: 'app', ...(more.args && { args: more.args }) }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app, namespace, labels: more.labels ?? {} },
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { nodeName: 'fake1', containers: [container] },
      },
    },
  }
}

describe('status and check on a real API server', () => {
  let cluster: TestCluster
  let shop: string
  let system: string
  let operator: OperatorProgram
  let removeConfiguration: () => Promise<void>

  const run = async (
    program: typeof runStatus,
    args: string[],
    kubeconfig = cluster.kubeconfig,
  ): Promise<{ code: number; out: string }> => {
    const io = capturedIo({ COLUMNS: '200' })
    const code = await program([...args, '--kubeconfig', kubeconfig], io)
    return { code, out: io.out() + io.err() }
  }
  const apply = (...objects: object[]) =>
    cluster.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    )
  const checkArgs = () => ['-n', shop, '--operator-namespace', system]

  before(async () => {
    cluster = await sharedTestCluster()
    shop = await cluster.namespace()
    system = await cluster.namespace()
    await apply(
      deployment(shop, 'web'),
      deployment(shop, 'indexer'),
      deployment(system, 'operator', { labels, args: flags }),
      {
        apiVersion: 'logstashlink.io/v1alpha1',
        kind: 'LogstashLink',
        metadata: { name: 'orders', namespace: shop },
        spec: {
          receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { stdout: {} } },
          sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
          tls: { enabled: false },
        },
      },
    )
  })
  after(async () => {
    operator?.child.kill('SIGTERM')
    await operator?.ended
    await removeConfiguration?.()
    await cluster.stop()
  })

  it('says before the operator runs that nobody has looked at the link', async () => {
    const status = await run(runStatus, ['orders', '-n', shop])
    assert.equal(status.code, 1)
    assert.match(status.out, /The operator has not looked at this link yet/)
    const check = await run(runCheck, checkArgs())
    assert.equal(check.code, 1)
    assert.match(check.out, /✔ the CustomResourceDefinition is there, as this version has it/)
    assert.match(check.out, /✔ cert-manager’s webhook answers/)
    assert.match(
      check.out,
      new RegExp(`✘ one of its replicas leads +Lease ${system}/${name} does not exist`),
    )
    assert.match(
      check.out,
      /✘ the operator may do what it needs\s+It may not get, list, watch logstashlinks; /,
    )
    assert.match(check.out, new RegExp(`MutatingWebhookConfiguration ${name} does not exist`))
  })

  it('shows pods without sidecars with the command that mends it, once the operator runs', async () => {
    removeConfiguration = await installConfiguration(cluster, { namespace: system, name })
    await installServingSecret(cluster, { namespace: system, name })
    operator = await startOperator(cluster, { namespace: system, name }, name)
    await eventually('the link is accepted and its pods are seen', async () => {
      const { code, out } = await run(runStatus, ['-n', shop])
      assert.equal(code, 1)
      assert.match(out, /SendersInjected +✘ NotInjected: /)
      assert.match(out, new RegExp(`to mend +kubectl rollout restart deployment/web -n ${shop}`))
    })
  })

  it('finds the webhook at work: a pod gets its sidecar as a dry run, and nothing of it remains', async () => {
    await eventually('the webhook covers the namespace', async () => {
      const { out } = await run(runCheck, checkArgs())
      assert.match(out, /✔ one of its replicas leads/)
      assert.match(out, /✔ the webhook sees pods of all namespaces with links/)
      assert.match(out, /✔ the API server trusts the webhook +caBundle vouches/)
      assert.match(out, /✔ a new pod gets its sidecar +The receiver of /)
    })
    assert.doesNotMatch(await cluster.kubectl(['get', 'pods', '-n', shop, '-o', 'name']), /check/)
  })

  it('shows every pod as ready after the restart that it asked for', async () => {
    await cluster.kubectl([
      'rollout',
      'restart',
      'deployment/web',
      'deployment/indexer',
      '-n',
      shop,
    ])
    await eventually('all sidecars are ready', async () => {
      const { out } = await run(runStatus, ['-A', '-o', 'json'])
      const { links } = JSON.parse(out) as { links: { namespace: string; senders: object }[] }
      const { ready, desired, restart } = {
        ready: 0,
        desired: 0,
        restart: [],
        ...links.find(({ namespace }) => namespace === shop)?.senders,
      }
      assert.deepEqual({ ready, desired, restart }, { ready: 1, desired: 1, restart: [] })
    })
  })

  it('says without a failure of its own what its user may not see', async () => {
    const kubeconfig = await cluster.kubeconfigOf({ user: 'reader', groups: ['readers'] })
    const refused = await run(runStatus, ['-n', shop], kubeconfig)
    assert.equal(refused.code, 1)
    assert.match(refused.out, /cannot list resource "logstashlinks"/)
    const role = {
      apiGroups: ['logstashlink.io'],
      resources: ['logstashlinks'],
      verbs: ['get', 'list'],
    }
    const metadata = { name: 'reader', namespace: shop }
    const rbac = 'rbac.authorization.k8s.io'
    await apply(
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: [role] },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
        subjects: [{ apiGroup: rbac, kind: 'User', name: 'reader' }],
      },
    )
    await eventually('the role counts', async () => {
      const { out } = await run(runStatus, ['-n', shop], kubeconfig)
      assert.match(out, /senders +\S \d of \d ready; pods forbidden/)
      const check = await run(runCheck, checkArgs(), kubeconfig)
      assert.match(check.out, /! the operator runs\s+Not looked at: /)
    })
  })
})
