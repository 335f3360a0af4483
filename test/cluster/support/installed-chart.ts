/** The chart as a user installs it, on a cluster whose pods run as processes (process-node.ts). */
import { fileURLToPath } from 'node:url'
import type { ClusterClient } from './cluster-client.ts'

export const operatorNamespace = 'logstash-link-system'
export const release = 'logstash-link'
const chart = fileURLToPath(new URL('../../../charts/logstash-link', import.meta.url))

/**
 * Flags of kube-apiserver by which it reaches webhooks at the addresses of their pods: nothing here serves the addresses
 * of Services.
 */
export const webhooksByPodAddress = ['--enable-aggregator-routing=true']

/** Environment by which the operator's containers are its service account: its name and groups in a certificate. */
export async function operatorEnvironment(cluster: ClusterClient): Promise<Record<string, string>> {
  const serviceAccounts = 'system:serviceaccounts'
  const kubeconfig = await cluster.kubeconfigOf({
    user: `system:serviceaccount:${operatorNamespace}:${release}`,
    groups: [serviceAccounts, `${serviceAccounts}:${operatorNamespace}`],
  })
  return { KUBECONFIG: kubeconfig }
}

/** `helm install`, which waits until the operator is ready; resolves with what helm printed. */
export function installChart(
  cluster: ClusterClient,
  values: Readonly<Record<string, string>> = {},
): Promise<string> {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  return cluster.helm([
    ...['install', release, chart, '--namespace', operatorNamespace, '--create-namespace'],
    ...['--wait', '--timeout', '120s', ...set],
  ])
}
