/** The parts of a test cluster as command lines. All listen on loopback only. */
import { join } from 'node:path'
import { binary, clusterHome } from './binaries.ts'
import type { Pki } from './pki.ts'

export type Part = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'cert-manager' | 'kwok'

interface Ports {
  etcd: number
  etcdPeer: number
  api: number
  controllers: number
  certManagerWebhook: number
  certManagerHealth: number
  kwok: number
}

export interface Layout {
  /** Everything of this cluster lies here. */
  run: string
  pki: Pki
  ports: Ports
  kubeconfigs: { admin: string; controllerManager: string }
  apiFlags: readonly string[]
  controllerManagerFlags: readonly string[]
}

export function commandOf(part: Part, layout: Layout): string[] {
  return [binary(part), ...argumentsOf[part](layout)]
}

const argumentsOf: Record<Part, (layout: Layout) => string[]> = {
  // Without fsync: the data goes with the cluster, and outlives a kill -9 of the process all the same.
  etcd: ({ run, ports }) => [
    ...['--name', 'only', '--data-dir', join(run, 'etcd'), '--unsafe-no-fsync'],
    ...['--log-level', 'warn', '--initial-cluster', `only=${http(ports.etcdPeer)}`],
    ...['--listen-client-urls', http(ports.etcd), '--advertise-client-urls', http(ports.etcd)],
    ...['--listen-peer-urls', http(ports.etcdPeer)],
    ...['--initial-advertise-peer-urls', http(ports.etcdPeer)],
  ],
  'kube-apiserver': ({ pki, ports, apiFlags }) => [
    ...['--etcd-servers', http(ports.etcd), '--secure-port', String(ports.api)],
    ...['--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1'],
    // The Service `kubernetes` may have no loopback address as its endpoint.
    '--endpoint-reconciler-type=none',
    ...['--tls-cert-file', pki.serving.cert, '--tls-private-key-file', pki.serving.key],
    ...['--client-ca-file', pki.ca.cert, '--authorization-mode', 'Node,RBAC'],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-key-file', pki.serviceAccountKey],
    ...['--service-account-signing-key-file', pki.serviceAccountKey],
    ...['--service-cluster-ip-range', '10.96.0.0/16,fd00:10:96::/112'],
    // One tester is not to be queued on two cores.
    '--enable-priority-and-fairness=false',
    '--profiling=false',
    '--allow-privileged=true',
    ...apiFlags,
  ],
  'kube-controller-manager': ({ pki, ports, kubeconfigs, controllerManagerFlags }) => [
    ...['--kubeconfig', kubeconfigs.controllerManager, '--leader-elect=false'],
    ...['--bind-address', '127.0.0.1', '--secure-port', String(ports.controllers)],
    ...['--use-service-account-credentials', '--root-ca-file', pki.ca.cert],
    ...['--service-account-private-key-file', pki.serviceAccountKey],
    ...['--allocate-node-cidrs=false', '--kube-api-qps', '200', '--kube-api-burst', '400'],
    // kwok's nodes show a sign of life every ten minutes; pods of a silent node would be taken for not ready.
    '--node-monitor-grace-period=24h',
    ...controllerManagerFlags,
  ],
  // Controller, webhook and cainjector in one process; its webhook is called by URL.
  'cert-manager': ({ ports, kubeconfigs }) => [
    ...['--kubeconfig', kubeconfigs.admin, '--dns-names', 'localhost', '-v', '2'],
    ...['--secure-port', String(ports.certManagerWebhook)],
    ...['--healthz-port', String(ports.certManagerHealth)],
  ],
  // Only annotated nodes, so that a test may have others.
  kwok: ({ ports, kubeconfigs }) => [
    ...['--config', join(clusterHome(), 'manifests', 'kwok-stages.yaml')],
    ...['--kubeconfig', kubeconfigs.admin, '--manage-all-nodes=false'],
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    ...['--cidr', '10.245.0.0/16', '--node-ip', '10.245.0.1'],
    ...['--server-address', `127.0.0.1:${ports.kwok}`],
  ],
}

function http(port: number): string {
  return `http://127.0.0.1:${port}`
}
