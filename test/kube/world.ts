/** A client and a cluster on a fake API server, with limits short enough for tests. */
import type { TestContext } from 'node:test'
import { Registry } from 'prom-client'
import type { KubeObject } from '../../src/api/objects.ts'
import { createKubeClient, type KubeClientOptions } from '../../src/kube/client.ts'
import type { WatchEvent } from '../../src/kube/cluster.ts'
import { createKubeCluster, type KubeClusterOptions } from '../../src/kube/kube-cluster.ts'
import { startFakeApiServer, type FakeApiServer } from '../support/fake-api-server.ts'
import { capturedLog } from '../support/log.ts'

export const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' }
export const secretKind = { apiVersion: 'v1', kind: 'Secret' }
export const shop = '/api/v1/namespaces/shop/configmaps'
export const secrets = '/api/v1/namespaces/shop/secrets'

interface Wishes {
  server?: FakeApiServer
  client?: Partial<KubeClientOptions>
  cluster?: Partial<KubeClusterOptions>
}

export async function openKube(t: TestContext, wishes: Wishes = {}) {
  const server = wishes.server ?? (await startFakeApiServer(t))
  const { log, lines } = capturedLog()
  const registry = new Registry()
  const limits = { retryMs: 50, requestMs: 2000 }
  const { kubeconfig } = server
  const client = createKubeClient({ kubeconfig, log, registry, limits, ...wishes.client })
  const cluster = createKubeCluster({
    client,
    log,
    registry,
    limits: { firstWaitMs: 10, lastWaitMs: 100 },
    ...wishes.cluster,
  })
  t.after(async () => {
    await cluster.close()
    await client.close()
  })
  /** What a watch told, as `ADDED a`. */
  const follow = (where = { namespace: 'shop' }, kind = configMapKind) => {
    const events: WatchEvent[] = []
    const subscription = cluster.watch(kind, where, (event) => events.push(event))
    const told = () => events.map(({ type, object }) => `${type} ${object.metadata.name}`)
    return { ...subscription, events, told }
  }
  /** The value of a metric, summed over the labels that are not given. */
  const metric = async (name: string, labels: Record<string, string> = {}) => {
    const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] }
    return values
      .filter((value) => Object.entries(labels).every(([key, is]) => value.labels[key] === is))
      .reduce((sum, { value }) => sum + value, 0)
  }
  const names = async () =>
    (await cluster.list(configMapKind, { namespace: 'shop' })).map(({ metadata }) => metadata.name)
  return { server, client, cluster, lines, follow, metric, names }
}

export function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { ...configMapKind, metadata: { namespace: 'shop', name }, data }
}
