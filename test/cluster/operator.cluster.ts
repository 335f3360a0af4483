/** The program `logstash-link operator` beside kube-apiserver and cert-manager, on the way that a user goes. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersion, kind, plural } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { eventually } from '../support/eventually.ts'
import {
  installConfiguration,
  lastWords,
  type Installation,
  type OperatorProgram,
  startOperator,
} from './support/operator-program.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

/** The quickstart: web pods send to indexer pods. */
const link = {
  apiVersion,
  kind,
  metadata: { name: 'orders' },
  spec: {
    receiver: {
      selector: { matchLabels: { app: 'indexer' } },
      deliver: { http: { port: 8080, path: '/events' } },
    },
    sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
    tls: { issuerRef: { name: 'shop-ca' } },
  },
}

const certManager = (kindOf: 'Issuer' | 'Certificate', name: string, spec: object) => ({
  apiVersion: 'cert-manager.io/v1',
  kind: kindOf,
  metadata: { name },
  spec,
})

/** On kwok's node, where nothing runs and everything becomes ready. */
const pod = (name: string, app: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app } },
  spec: { nodeName: 'fake1', containers: [{ name: 'application', image: 'none' }] },
})

interface Condition {
  type: string
  status: string
  reason: string
  message: string
}

describe('the operator as a program on a real cluster', () => {
  const name = 'operator-suite'
  let cluster: TestCluster
  let installation: Installation
  let shop: string
  let operator: OperatorProgram
  let removeConfiguration: () => Promise<void>

  before(async () => {
    cluster = await sharedTestCluster()
    installation = { namespace: await cluster.namespace(), name }
    shop = await cluster.namespace()
    removeConfiguration = await installConfiguration(cluster, installation)
    operator = await startOperator(cluster, installation, 'operator-suite-1')
  })
  after(async () => {
    operator.child.kill('SIGKILL')
    await operator.ended
    await removeConfiguration()
    await cluster.api.object('DELETE', `/api/v1/namespaces/${shop}`)
    await cluster.stop()
  })

  const apply = (objects: object[], namespace: string) =>
    cluster.kubectl(
      ['apply', '-n', namespace, '-f', '-'],
      objects.map((each) => JSON.stringify(each)).join('\n---\n'),
    )
  const get = <T extends KubeObject>(path: string) => cluster.api.object<T>('GET', path)
  const conditions = async (): Promise<Record<string, Condition>> => {
    const { status } = await get<KubeObject & { status: { conditions: Condition[] } }>(
      `/apis/${apiVersion}/namespaces/${shop}/${plural}/orders`,
    )
    return Object.fromEntries(status.conditions.map((each) => [each.type, each]))
  }

  it('is alive without a certificate, and its readiness says what is missing', async () => {
    await eventually('it leads', async () => {
      const { status, checks } = await operator.checks('/readyz')
      assert.equal(status, 503)
      assert.equal(checks['leadership']?.message, 'leads', lastWords(operator))
      assert.equal(checks['webhook certificate']?.ok, false)
      assert.match(checks['webhook certificate'].message, /operator-suite-webhook-tls/)
    })
    assert.equal((await operator.checks('/healthz')).status, 200)
  })

  it('is ready once cert-manager has issued the certificate of its webhook', async () => {
    await apply(
      [
        certManager('Issuer', 'self', { selfSigned: {} }),
        certManager('Certificate', 'webhook', {
          secretName: `${name}-webhook-tls`,
          ipAddresses: ['127.0.0.1'],
          dnsNames: ['localhost'],
          issuerRef: { name: 'self' },
        }),
      ],
      installation.namespace,
    )
    await eventually('it is ready', async () => {
      const { status, checks } = await operator.checks('/readyz')
      assert.equal(status, 200, `${JSON.stringify(checks)} ${lastWords(operator)}`)
    })
  })

  it('makes the objects of a link, gets it accepted and its identity issued', async () => {
    await apply(
      [
        certManager('Issuer', 'self', { selfSigned: {} }),
        certManager('Certificate', 'shop-ca', {
          secretName: 'shop-ca',
          isCA: true,
          commonName: 'shop',
          issuerRef: { name: 'self' },
        }),
        certManager('Issuer', 'shop-ca', { ca: { secretName: 'shop-ca' } }),
      ],
      shop,
    )
    await apply([link], shop)
    await eventually('the link is accepted and has its identity', async () => {
      const { Accepted, IdentityReady, TrustDistributed } = await conditions()
      for (const each of [Accepted, IdentityReady, TrustDistributed]) {
        assert.equal(each?.status, 'True', `${JSON.stringify(each)} ${lastWords(operator)}`)
      }
    })
    for (const path of [
      'services/orders-receiver',
      'configmaps/orders-receiver',
      'configmaps/orders-sender',
      'secrets/orders-receiver-tls',
      'secrets/orders-keystore-password',
    ]) {
      await get(`/api/v1/namespaces/${shop}/${path}`)
    }
  })

  it('injects pods that are created, and sees their endpoints', async () => {
    await apply([pod('indexer', 'indexer'), pod('web', 'web')], shop)
    for (const [app, sidecar] of [
      ['indexer', 'lsl-receiver-orders'],
      ['web', 'lsl-sender-orders'],
    ]) {
      const { spec } = await get<KubeObject & { spec: { initContainers?: { name: string }[] } }>(
        `/api/v1/namespaces/${shop}/pods/${app}`,
      )
      const names = spec.initContainers?.map((each) => each.name)
      assert.deepEqual(names, [sidecar], lastWords(operator))
    }
    await eventually('hosts are discovered and both roles injected', async () => {
      const { HostsDiscovered, ReceiversInjected, SendersInjected } = await conditions()
      for (const each of [HostsDiscovered, ReceiversInjected, SendersInjected]) {
        assert.equal(each?.status, 'True', JSON.stringify(each))
      }
    })
  })

  it('tells transitions by events that the API server takes and kubectl shows', async () => {
    const { items } = await get<KubeObject & { items: Record<string, unknown>[] }>(
      `/api/v1/namespaces/${shop}/events?fieldSelector=involvedObject.kind=LogstashLink`,
    )
    assert.ok(items.some(({ reason, type }) => reason === 'Accepted' && type === 'Normal'))
    for (const item of items) assert.equal(item['reportingComponent'], 'logstash-link')
    const described = await cluster.kubectl(['describe', 'lsl', 'orders', '-n', shop])
    assert.match(described, /Events:[^]*Accepted[^]*The link is accepted/)
    const dropped = await operator.metric('logstash_link_controller_events_dropped_total')
    assert.equal(dropped, 0)
  })

  it('answers /metrics for all its parts', async () => {
    const text = await (await fetch(`${operator.health}/metrics`)).text()
    for (const metric of [
      'logstash_link_program_info{program="operator"} 1',
      'logstash_link_kube_lease_leader 1',
      // Other suites may have links of their own in this cluster.
      'logstash_link_controller_links ',
      'logstash_link_webhook_',
      'process_resident_memory_bytes',
    ]) {
      assert.ok(text.includes(`\n${metric}`), metric)
    }
  })

  it('ends in order at SIGTERM: the webhook serves a little longer, the Lease is given back, code 0', async () => {
    operator.child.kill('SIGTERM')
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${installation.namespace}/leases/${name}`
    await eventually('the Lease is given back', async () => {
      const { spec } = await get<KubeObject & { spec: { holderIdentity: string } }>(lease)
      assert.equal(spec.holderIdentity, '')
    })
    const { status, checks } = await operator.checks('/readyz')
    assert.equal(status, 503)
    assert.equal(checks['running']?.ok, false)
    const made = await cluster.api.object<KubeObject & { spec: { initContainers?: unknown[] } }>(
      'POST',
      `/api/v1/namespaces/${shop}/pods`,
      pod('late', 'web'),
    )
    assert.equal(made.spec.initContainers?.length, 1)
    assert.equal(await operator.ended, 0, lastWords(operator))
  })
})
