/** What surrounds the controller in a cluster, played by hand: cert-manager, the kubelet, the endpoint controller. */
import assert from 'node:assert/strict'
import type { LogstashLink } from '../../src/api/link.ts'
import {
  apiVersion,
  certificateNameAnnotation,
  kind,
  roleName,
  sidecarName,
  tlsSecretName,
  type Role,
} from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { roles } from '../../src/api/roles.ts'
import { inject } from '../../src/injector/inject.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { eventually } from './eventually.ts'
import { operatorOptions } from './links.ts'

/** What cert-manager writes for a Certificate. */
export async function writeIdentitySecret(
  cluster: Cluster,
  place: { namespace: string; link: string; role?: Role },
  pem: { ca: string; cert: string; key: string },
): Promise<void> {
  const { namespace, link, role = 'receiver' } = place
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name: tlsSecretName(link, role),
      annotations: { [certificateNameAnnotation]: roleName(link, role) },
    },
    type: 'kubernetes.io/tls',
    data: { 'ca.crt': base64(pem.ca), 'tls.crt': base64(pem.cert), 'tls.key': base64(pem.key) },
  })
}

/** Ready endpoints of a link's receivers, in place of those that there were. */
export async function setEndpoints(
  cluster: Cluster,
  place: { namespace: string; link: string; port?: number },
  addresses: readonly string[],
): Promise<void> {
  const { namespace, link, port = 9800 } = place
  const service = roleName(link, 'receiver')
  const name = await portNameOf(cluster, namespace, service)
  await cluster.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${service}-1`,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name, port, protocol: 'TCP' }],
  })
}

/** The Service is there a moment before its ports are. */
function portNameOf(cluster: Cluster, namespace: string, name: string): Promise<string> {
  return eventually(`Service ${name} has a port`, async () => {
    const service = await cluster.get({ apiVersion: 'v1', kind: 'Service', namespace, name })
    const spec = service?.['spec'] as { ports?: { name: string }[] } | undefined
    const [port] = spec?.ports ?? []
    assert.ok(port)
    return port.name
  })
}

/** A pod as the webhook lets it in, and as the kubelet reports it: all its sidecars ready. */
export async function runPod(
  cluster: Cluster,
  place: { namespace: string; name: string; labels: Record<string, string>; ip: string },
): Promise<KubeObject> {
  const { namespace, name, labels, ip } = place
  const links = await cluster.list<LogstashLink>({ apiVersion, kind }, { namespace })
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  }
  const injected = inject({ pod, namespace, links, options: operatorOptions }).pod
  const made = await cluster.create(injected)
  const sidecars = links.flatMap((link) =>
    roles.map((role) => sidecarName(link.metadata.name, role)),
  )
  const { initContainers = [] } = injected['spec'] as { initContainers?: { name: string }[] }
  await cluster.applyStatus({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True' }],
      initContainerStatuses: initContainers
        .filter((container) => sidecars.includes(container.name))
        .map((container) => ({ name: container.name, ready: true, restartCount: 0 })),
    },
  })
  return made
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
