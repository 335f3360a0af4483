/** The product's own client and cluster on a test cluster. */
import { apiVersion, kind, manager as ownManager, plural } from '../../../src/api/names.ts'
import type { KubeObject, ObjectMeta } from '../../../src/api/objects.ts'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import type { Cluster } from '../../../src/kube/cluster.ts'
import { createKubeCluster, type KubeCluster } from '../../../src/kube/kube-cluster.ts'
import { collectionPath, createResources } from '../../../src/kube/resources.ts'
import type { Log } from '../../../src/telemetry/log.ts'
import { createMetrics, type Registry } from '../../../src/telemetry/metrics.ts'
import type { ClusterUnderTest } from '../../controller/world.ts'
import { silentLog } from '../../support/log.ts'
import type { TestCluster, TestClusterOptions } from './test-cluster.ts'

export interface Kube {
  client: KubeClient
  registry: Registry
  /** As the product has it: what it watches it keeps. */
  cluster: KubeCluster
  /**
   * As others see it: with a cache of its own, of links and Services alone (hundreds of tests' questions a second would
   * keep the API server from its work), and strict about unknown fields in what it creates, as kubectl is.
   */
  other(manager: string): Cluster
  close(): Promise<void>
}

/** Of a cluster in which tests play cert-manager and the controller of endpoints. */
export const withoutWhatTestsPlay: TestClusterOptions = {
  crd: true,
  certManager: 'crds',
  controllerManagerFlags: ['--controllers=*,-endpointslice-controller,-endpoints-controller'],
}

/** A cluster for the controller's world: the controller's own part by `kubeconfig`, the rest by the administrator. */
export async function underTest(
  cluster: TestCluster,
  kubeconfig: string = cluster.kubeconfig,
): Promise<ClusterUnderTest & { registry: Registry }> {
  const ours = await openKube(kubeconfig)
  const theirs = await openKube(cluster.kubeconfig)
  const namespaces: string[] = []
  return {
    registry: ours.registry,
    as: (manager) => (manager === ownManager ? ours.cluster.as(manager) : theirs.other(manager)),
    async namespace() {
      const namespace = await cluster.namespace()
      namespaces.push(namespace)
      return namespace
    },
    async stop() {
      await Promise.all([ours.close(), theirs.close()])
      // The next test's controller looks at all links there are.
      for (const namespace of namespaces) {
        const links = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`
        await cluster.api.object('DELETE', links)
        await cluster.api.object('DELETE', `/api/v1/namespaces/${namespace}`)
      }
    },
  }
}

export async function openKube(kubeconfig: string, log: Log = silentLog()): Promise<Kube> {
  const registry = createMetrics({ program: 'test' })
  const client = createKubeClient({ kubeconfig, log, registry })
  const cluster = createKubeCluster({ client, log, registry })
  const others = createKubeCluster({ client, log, registry: createMetrics({ program: 'test' }) })
  let watched = false
  const resources = createResources(client)
  return {
    client,
    cluster,
    registry,
    other(manager) {
      if (!watched) {
        others.watch({ apiVersion, kind }, {}, () => undefined)
        others.watch({ apiVersion: 'v1', kind: 'Service' }, {}, () => undefined)
      }
      watched = true
      return {
        ...others.as(manager),
        async create<T extends KubeObject>(object: T) {
          const resource = await resources.find(object)
          const { metadata, ...rest } = await client.request<T>({
            method: 'POST',
            path: collectionPath(object, resource, object.metadata.namespace),
            query: { fieldManager: manager, fieldValidation: 'Strict' },
            body: object,
          })
          // As with every object that the port hands over.
          const { managedFields: _, ...kept } = metadata as ObjectMeta & { managedFields?: unknown }
          return { ...rest, metadata: kept } as T
        },
      }
    },
    async close() {
      await Promise.all([cluster.close(), others.close()])
      await client.close()
    },
  }
}
