/** A cluster of its own, with cert-manager, whose pods run as processes: for suites that install the chart. */
import { tmpdir } from 'node:os'
import type { KubeObject } from '../../../src/api/objects.ts'
import { createKubeClient } from '../../../src/kube/client.ts'
import { createKubeCluster, type KubeCluster } from '../../../src/kube/kube-cluster.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { operatorEnvironment, webhooksByPodAddress } from './installed-chart.ts'
import { startProcessNode, type ProcessNode } from './process-node.ts'
import { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts'

interface RunningPod {
  name: string
  labels: Record<string, string>
  ip: string
}

export interface ProcessWorld {
  cluster: TestCluster
  /** As the administrator. */
  admin: KubeCluster
  node: ProcessNode
  /** Pods that are ready and stay. */
  podsOf(namespace: string): Promise<RunningPod[]>
  /** `kind/namespace/name` of all objects whose name begins so, Events aside, in their order. */
  everythingNamed(prefix: string): Promise<string[]>
  close(): Promise<void>
}

interface Pod extends KubeObject {
  status?: { podIP?: string; conditions?: { type: string; status: string }[] }
}

export async function openProcessWorld(options: TestClusterOptions = {}): Promise<ProcessWorld> {
  const cluster = await startTestCluster({
    certManager: true,
    ...options,
    apiFlags: [...webhooksByPodAddress, ...(options.apiFlags ?? [])],
  })
  const log = createLog({ program: 'test', level: 'Warn' })
  const registry = createMetrics({ program: 'test' })
  const client = createKubeClient({ kubeconfig: cluster.kubeconfig, log, registry })
  const admin = createKubeCluster({ client, log, registry, maySeeAllSecrets: true })
  const node = await startProcessNode({
    api: cluster.api,
    cluster: admin,
    name: 'processes',
    parent: tmpdir(),
    log,
    env: await operatorEnvironment(cluster),
  })
  return {
    cluster,
    admin,
    node,
    async podsOf(namespace) {
      const { items } = await cluster.api.object<{ items: Pod[] }>(
        'GET',
        `/api/v1/namespaces/${namespace}/pods`,
      )
      return items
        .filter(({ metadata, status }) => {
          const ready = status?.conditions?.find(({ type }) => type === 'Ready')
          return metadata.deletionTimestamp === undefined && ready?.status === 'True'
        })
        .map(({ metadata: { name, labels = {} }, status }) => ({
          name,
          labels,
          ip: status?.podIP ?? '',
        }))
    },
    async everythingNamed(prefix) {
      const kinds = await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])
      const wanted = kinds.split('\n').filter((kind) => kind !== '' && !kind.startsWith('events'))
      const text = await cluster.kubectl([
        ...['get', wanted.join(), '-A', '--ignore-not-found', '-o'],
        String.raw`jsonpath={range .items[*]}{.kind} {.metadata.namespace} {.metadata.name}{"\n"}{end}`,
      ])
      return text
        .split('\n')
        .map((line) => line.split(' '))
        .filter(([, , name = '']) => name.startsWith(prefix))
        .map(([kind = '', namespace = '', name = '']) =>
          [kind, ...(namespace === '' ? [] : [namespace]), name].join('/'),
        )
        .toSorted()
    },
    async close() {
      await node.stop()
      await admin.close()
      await client.close()
      await cluster.stop()
    },
  }
}
