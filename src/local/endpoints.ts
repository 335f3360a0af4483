/** EndpointSlices of Services from the pods that their selectors pick, as Kubernetes' own controller makes them. */
import { isDeepStrictEqual } from 'node:util'
import type { Kind, KubeObject } from '../api/objects.ts'
import { matchesSelector } from '../api/label-selector.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Log } from '../telemetry/log.ts'
import { startLoop, type Loop } from './loop.ts'
import { isFinished, isReady, podKind, type Pod } from './pod.ts'
import { mappedPorts } from './port-mapping.ts'

interface Service extends KubeObject {
  spec?: {
    selector?: Record<string, string>
    publishNotReadyAddresses?: boolean
    ports?: { name?: string; port: number; protocol?: string; targetPort?: number | string }[]
  }
}

interface SlicePort {
  name: string
  port: number
  protocol: string
}

const serviceKind: Kind = { apiVersion: 'v1', kind: 'Service' }
const sliceKind: Kind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }
const serviceLabel = 'kubernetes.io/service-name'

/** Keeps the slices of all Services up to date. */
export function startEndpoints(cluster: Cluster, log: Log): Loop {
  return startLoop({
    cluster,
    log,
    name: 'endpoints',
    sources: [serviceKind, podKind].map((kind) => ({
      kind,
      keys: ({ metadata }) => [metadata.namespace ?? 'default'],
    })),
    async reconcile(namespace) {
      const [services, pods, slices] = await Promise.all([
        cluster.list<Service>(serviceKind, { namespace }),
        cluster.list<Pod>(podKind, { namespace }),
        cluster.list(sliceKind, { namespace }),
      ])
      const wanted = services.flatMap((service) => endpointSlices(service, pods))
      for (const slice of wanted) await cluster.apply(slice)
      const names = new Set(wanted.map((slice) => slice.metadata.name))
      for (const { metadata } of slices) {
        if (metadata.labels?.[serviceLabel] === undefined || names.has(metadata.name)) continue
        await cluster.delete({ ...sliceKind, namespace, name: metadata.name })
      }
      return undefined
    },
  })
}

/** One slice for each set of resolved ports (pods may resolve a named port differently); none without a selector. Pure. */
export function endpointSlices(service: Service, pods: readonly Pod[]): KubeObject[] {
  const { selector } = service.spec ?? {}
  if (selector === undefined || Object.keys(selector).length === 0) return []
  const groups: { ports: SlicePort[]; pods: Pod[] }[] = []
  for (const pod of pods) {
    if (!matchesSelector({ matchLabels: selector }, pod.metadata.labels)) continue
    if (isFinished(pod) || pod.status?.podIP === undefined) continue
    const ports = resolvedPorts(service, pod)
    const group = groups.find((each) => isDeepStrictEqual(each.ports, ports))
    if (group) group.pods.push(pod)
    else groups.push({ ports, pods: [pod] })
  }
  if (groups.length === 0) groups.push({ ports: [], pods: [] })
  return groups.map(({ ports, pods: members }, index) => slice(service, ports, members, index))
}

function slice(service: Service, ports: SlicePort[], pods: Pod[], index: number): KubeObject {
  const { name, namespace, uid = '' } = service.metadata
  return {
    ...sliceKind,
    metadata: {
      name: `${name}-${index}`,
      ...(namespace !== undefined && { namespace }),
      labels: {
        [serviceLabel]: name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [{ ...serviceKind, name, uid, controller: true, blockOwnerDeletion: true }],
    },
    addressType: 'IPv4',
    endpoints: pods.map((pod) => endpoint(pod, service.spec?.publishNotReadyAddresses === true)),
    ports,
  }
}

function endpoint(pod: Pod, publishNotReady: boolean) {
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const serving = publishNotReady || isReady(pod)
  const { name, namespace = 'default', uid = '' } = pod.metadata
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready: serving && !terminating, serving, terminating },
    ...(pod.spec.nodeName !== undefined && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', name, namespace, uid },
  }
}

/** A named targetPort is looked up in the containers and the native sidecars of the very pod; without it no port. */
function resolvedPorts(service: Service, pod: Pod): SlicePort[] {
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter((each) => each.restartPolicy === 'Always'),
  ]
  const mapped = mappedPorts(pod)
  return (service.spec?.ports ?? []).flatMap(
    ({ name = '', port, protocol = 'TCP', targetPort = port }) => {
      const target =
        typeof targetPort === 'number'
          ? targetPort
          : containers
              .flatMap((each) => each.ports ?? [])
              .find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)
              ?.containerPort
      return target === undefined ? [] : [{ name, port: mapped[target] ?? target, protocol }]
    },
  )
}
