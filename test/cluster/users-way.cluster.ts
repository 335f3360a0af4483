/**
 * What a user does from the beginning to the end, on a real control plane with cert-manager: helm install, the examples,
 * a look at the link, an edit, more pods, and away with all of it. The operator and all pods run as processes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { installChart, operatorNamespace, release } from './support/installed-chart.ts'
import { openProcessWorld, type ProcessWorld } from './support/process-world.ts'
import { skipOutsidePodNetwork as skip } from './support/pod-network.ts'

const namespace = 'shop'
const requests = 300

describe('a user', { skip }, () => {
  let world: ProcessWorld
  let sent = 0

  before(async () => {
    world = await openProcessWorld()
  })
  after(() => world.close())

  const kubectl = (...args: string[]) => world.cluster.kubectl([...args, '-n', namespace])
  const rolledOut = async (name: string) =>
    kubectl('rollout', 'status', `deployment/${name}`, '--timeout=90s')

  it('installs the chart, and two operators become ready', async () => {
    const notes = await installChart(world.cluster)
    assert.match(notes, /kubectl/)
    const pods = await world.podsOf(operatorNamespace)
    assert.equal(pods.length, 2)
    for (const { ip } of pods) {
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        assert.equal((await fetch(`http://${ip}:8080${path}`)).status, 200, path)
      }
    }
  })

  it('applies the examples, and sees the link become Ready with hosts and the end of its certificate', async () => {
    await world.cluster.kubectl(['apply', '-f', 'deploy/examples/indexer.yaml'])
    // Pods that are made before the webhook knows of the link stay without a sidecar, as the documentation says.
    await kubectl('wait', 'lsl/orders', '--for=condition=Accepted', '--timeout=60s')
    await kubectl('rollout', 'restart', 'deployment/indexer')
    await world.cluster.kubectl(['apply', '-f', 'deploy/examples/web.yaml'])
    await rolledOut('indexer')
    await rolledOut('web')
    await kubectl('wait', 'lsl/orders', '--for=condition=Ready', '--timeout=90s')
    const table = await kubectl('get', 'lsl')
    const [head = '', row = ''] = table.trim().split('\n')
    const cells = new Map(
      head.split(/\s{2,}/).map((name, index) => [name, row.split(/\s{2,}/)[index]]),
    )
    assert.equal(cells.get('READY'), 'True', table)
    assert.equal(cells.get('HOSTS'), '3', table)
    assert.ok(Date.parse(cells.get('EXPIRES') ?? '') > Date.now(), table)
    const link = JSON.parse(await kubectl('get', 'lsl', 'orders', '-o', 'json')) as {
      status: { hosts: string[]; certificate: { notAfter: string } }
    }
    assert.equal(link.status.hosts.length, 3)
    assert.ok(Date.parse(link.status.certificate.notAfter) > Date.now())
  })

  it('sees what web pods log at the indexers, with the certificates of cert-manager', async () => {
    await send()
    await everythingArrived()
  })

  it('edits the link: receivers move to another port with their next pods, and nothing is lost', async () => {
    await kubectl(
      'patch',
      'lsl',
      'orders',
      '--type=merge',
      '-p',
      '{"spec":{"receiver":{"port":9900}}}',
    )
    await eventually('the condition says which workload is to be restarted', async () => {
      const text = await kubectl('get', 'lsl', 'orders', '-o', 'json')
      assert.match(text, /kubectl rollout restart deployment\/indexer -n shop/)
    })
    await collectCounts()
    await kubectl('rollout', 'restart', 'deployment/indexer')
    await rolledOut('indexer')
    await eventually('all hosts have the new port', async () => {
      const hosts = JSON.parse(
        await kubectl('get', 'lsl', 'orders', '-o', 'jsonpath={.status.hosts}'),
      ) as string[]
      assert.equal(hosts.length, 3)
      assert.ok(
        hosts.every((host) => host.endsWith(':9900')),
        hosts.join(),
      )
    })
    await send()
    await everythingArrived()
  })

  it('scales: hosts follow, and new senders deliver', async () => {
    await kubectl('scale', 'deployment/web', '--replicas=3')
    await kubectl('scale', 'deployment/indexer', '--replicas=4')
    await rolledOut('web')
    await rolledOut('indexer')
    await eventually('four hosts are known', async () => {
      const count = await kubectl('get', 'lsl', 'orders', '-o', 'jsonpath={.status.hostCount}')
      assert.equal(count, '4')
    })
    await send()
    await everythingArrived()
  })

  it('deletes the link, and nothing of it remains', async () => {
    await kubectl('delete', 'lsl', 'orders')
    await eventually('its objects are gone', async () => {
      const kinds = 'services,configmaps,secrets,certificates.cert-manager.io'
      const names = (await kubectl('get', kinds, '-o', 'name')).split('\n').filter(Boolean)
      assert.deepEqual(
        names.filter((name) => name.includes('orders')),
        [],
      )
    })
  })

  it('uninstalls: what remains is documented', async () => {
    await world.cluster.helm(['uninstall', release, '-n', operatorNamespace, '--wait'])
    // As docs/install.md lists it; cert-manager keeps Secrets of Certificates that are gone.
    await eventually('only what is documented remains', async () => {
      assert.deepEqual(await world.everythingNamed('logstash'), [
        'CustomResourceDefinition/logstashlinks.logstashlink.io',
        `Lease/${operatorNamespace}/logstash-link`,
        `Namespace/${operatorNamespace}`,
        `Secret/${operatorNamespace}/logstash-link-webhook-tls`,
      ])
    })
  })

  /** Requests to all web pods, which answer once their line is taken. */
  async function send(): Promise<void> {
    const pods = (await world.podsOf(namespace)).filter(({ labels }) => labels['app'] === 'web')
    assert.ok(pods.length > 0)
    for (let index = 0; index < requests; index += 1) {
      const pod = pods[index % pods.length]
      const { status } = await fetch(`http://${pod?.ip}:8080/order/${index}`)
      assert.equal(status, 200)
      sent += 1
    }
  }

  /** Of indexers that have ended. */
  let counted = 0

  async function countNow(): Promise<{ distinct: number; receivers: number }> {
    const pods = (await world.podsOf(namespace)).filter(({ labels }) => labels['app'] === 'indexer')
    const counts = await Promise.all(
      pods.map(async ({ ip }) => {
        const answer = await fetch(`http://${ip}:8080/count`)
        return ((await answer.json()) as { distinct: number }).distinct
      }),
    )
    const distinct = counts.reduce((sum, each) => sum + each, 0)
    return { distinct, receivers: counts.filter((each) => each > 0).length }
  }

  async function collectCounts(): Promise<void> {
    counted += (await countNow()).distinct
  }

  async function everythingArrived(): Promise<void> {
    await eventually('every line has arrived', async () => {
      const { distinct, receivers } = await countNow()
      assert.equal(counted + distinct, sent)
      assert.ok(receivers > 1, 'one receiver took all')
    })
  }
})
