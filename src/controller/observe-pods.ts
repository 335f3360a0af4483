/** Pods of a link, stripped to what the pure rooms need. */
import { matchesSelector } from '../api/label-selector.ts'
import type { LogstashLink } from '../api/link.ts'
import { injectedAnnotation, sidecarName, type Role } from '../api/names.ts'
import type { KubeObject, OwnerReference } from '../api/objects.ts'
import type { ObservedPod } from '../api/observed.ts'
import { roles, selectorOf } from '../api/roles.ts'
import { workloadOf } from '../api/workload.ts'
import type { Pod } from './reduced.ts'

export function observePods(link: LogstashLink, pods: readonly KubeObject[]): ObservedPod[] {
  return pods.filter((pod) => concerns(link, pod)).map((pod) => observePod(link, pod))
}

/** Whether a pod can change what is seen of a link: its selectors pick it, or it carries a sidecar of it. */
export function concerns(link: LogstashLink, { metadata }: KubeObject): boolean {
  return roles.some(
    (role) =>
      picks(link, role, metadata.labels) ||
      metadata.annotations?.[injectedAnnotation(link.metadata.name, role)] !== undefined,
  )
}

function picks(
  link: LogstashLink,
  role: Role,
  labels: Record<string, string> | undefined,
): boolean {
  const selector = selectorOf(link, role)
  return selector !== undefined && matchesSelector(selector, labels)
}

function observePod(link: LogstashLink, pod: Pod): ObservedPod {
  const { metadata, spec = {}, status = {} } = pod
  const { labels = {}, annotations = {} } = metadata
  const sidecars = roles.flatMap((role) => {
    const name = sidecarName(link.metadata.name, role)
    const found = status.initContainerStatuses?.find((container) => container.name === name)
    return found === undefined ? [] : [[role, { ready: found.ready === true }] as const]
  })
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  const workload = workloadOf(metadata)
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    roles: roles.filter((role) => picks(link, role, labels)),
    labels,
    annotations,
    ips: status.podIPs?.map(({ ip }) => ip) ?? (status.podIP === undefined ? [] : [status.podIP]),
    ready:
      status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    finished:
      metadata.deletionTimestamp !== undefined ||
      status.phase === 'Succeeded' ||
      status.phase === 'Failed',
    hostNetwork: spec.hostNetwork === true,
    ...(workload === undefined ? {} : { workload }),
    ...(owner === undefined ? {} : { owner: ownerOf(owner) }),
    sidecars: Object.fromEntries(sidecars),
  }
}

function ownerOf({
  apiVersion,
  kind,
  name,
  uid,
}: OwnerReference): Omit<OwnerReference, 'controller'> {
  return { apiVersion, kind, name, uid }
}
