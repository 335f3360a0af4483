/**
 * The chart installed on a cluster of its own, whose parts and connections a test may end: the operator's two pods run as
 * processes and reach the API server through a proxy of the test's, all other pods are kwok's.
 */
import { createKubeCluster } from '../../../src/kube/kube-cluster.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../support/log.ts'
import { startProxy, type CuttableProxy } from './cuttable-proxy.ts'
import { installChart, operatorEnvironment, webhooksByPodAddress } from './installed-chart.ts'
import { openKube } from './kube.ts'
import { watchLeaders, type Leaders } from './leaders.ts'
import { startProcessNode, type ProcessNode } from './process-node.ts'
import { answerForSidecars } from './sidecar-answers.ts'
import { startTestCluster, type TestCluster } from './test-cluster.ts'

export interface FaultWorld {
  cluster: TestCluster
  node: ProcessNode
  /** Between the operator and the API server. */
  proxy: CuttableProxy
  leaders: Leaders
  close(): Promise<void>
}

/** The first health port that injection gives; each pod of these suites has one sidecar. */
const healthPort = 9601

export async function openFaultWorld(): Promise<FaultWorld> {
  const closing: (() => unknown)[] = []
  const close = async () => {
    for (const end of closing.splice(0).toReversed()) await end()
  }
  try {
    return { ...(await open(closing)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** @param closing gets what ends each part, in the order in which they began */
async function open(closing: (() => unknown)[]): Promise<Omit<FaultWorld, 'close'>> {
  const cluster = await startTestCluster({
    certManager: true,
    kwok: true,
    apiFlags: webhooksByPodAddress,
  })
  closing.push(() => cluster.stop())
  const proxy = await startProxy(Number(new URL(cluster.url).port))
  closing.push(() => proxy.close())
  const sidecars = await answerForSidecars(healthPort)
  closing.push(() => {
    sidecars.closeAllConnections()
    sidecars.close()
  })
  const kube = await openKube(cluster.kubeconfig)
  closing.push(() => kube.close())
  const registry = createMetrics({ program: 'node' })
  const { client } = kube
  const admin = createKubeCluster({ client, log: silentLog(), registry, maySeeAllSecrets: true })
  closing.push(() => admin.close())
  const node = await startProcessNode({
    api: cluster.api,
    cluster: admin,
    name: 'processes',
    parent: tmpdir(),
    log: silentLog(),
    env: await throughProxy(cluster, proxy.port),
  })
  closing.push(() => node.stop())
  const leaders = watchLeaders(kube.cluster, node)
  closing.push(() => leaders.stop())
  await installChart(cluster)
  return { cluster, node, proxy, leaders }
}

async function throughProxy(cluster: TestCluster, port: number): Promise<Record<string, string>> {
  const { KUBECONFIG = '' } = await operatorEnvironment(cluster)
  const path = join(cluster.run, 'through-proxy.kubeconfig')
  const text = readFileSync(KUBECONFIG, 'utf8')
  writeFileSync(path, text.replaceAll(cluster.url, `https://127.0.0.1:${port}`), { mode: 0o600 })
  return { KUBECONFIG: path }
}
