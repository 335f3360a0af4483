/**
 * Why a pod gets no sidecar: a chain of checks, each with its reason. A pod that is left out starts as it would without us;
 * the link's conditions and an event say so.
 */
import type { LogstashLink } from '../api/link.ts'
import { labels, sidecarName, type Role } from '../api/names.ts'
import { sidecarVolumes } from '../desired/sidecar-volumes.ts'
import { fileMounts } from './file-mounts.ts'
import { allContainers, isWindows } from './pod-facts.ts'
import type { Pod, PodVolume } from './pod.ts'

export type SkipReason =
  | 'OptedOut'
  | 'HostNetwork'
  | 'StaticPod'
  | 'Windows'
  | 'NameTaken'
  | 'VolumeMissing'
  | 'VolumeForbidden'
  | 'VolumeNotMounted'
  | 'MountConflict'
  | 'PortConflict'

export interface Refusal {
  reason: SkipReason
  /** A sentence that says what to do. */
  message: string
}

/** On what a kubelet writes into the API to show a static pod. */
const mirrorAnnotation = 'kubernetes.io/config.mirror'

type Check = (pod: Pod, link: LogstashLink, role: Role) => Refusal | undefined

/** What does not depend on other sidecars of the pod; ports do, and are checked where they are given out. */
export function refusal(pod: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  for (const check of checks) {
    const found = check(pod, link, role)
    if (found !== undefined) return found
  }
  return undefined
}

const checks: readonly Check[] = [
  podOptsOut,
  // On the host's network the sidecar would take a port of the node, and pods of one node would meet on it.
  podUsesHostNetwork,
  // The API server refuses such a pod once it names a Secret, and its kubelet runs what is in its file.
  podIsStatic,
  // The image is for Linux.
  podIsForWindows,
  // Someone's container of our name: two would have the pod refused.
  containerNameIsTaken,
  volumeNameIsTaken,
  // A missing volume would have the pod refused.
  volumeIsMissing,
  // A link's author must not reach Secrets, tokens or the node's disk through a volume of the pod.
  volumeTypeIsForbidden,
  // A claim in Block mode cannot be mounted: the pod would wait for ever.
  volumeIsBlockDevice,
  // A queue is written.
  queueVolumeIsReadOnly,
  // Files are read where the application has them, or not at all.
  filesAreNotMounted,
]

function podOptsOut({ metadata }: Pod): Refusal | undefined {
  if (metadata.labels?.[labels.inject] !== 'false') return undefined
  return { reason: 'OptedOut', message: `The pod opts out by its label ${labels.inject}: "false".` }
}

function podUsesHostNetwork({ spec }: Pod): Refusal | undefined {
  if (spec.hostNetwork !== true) return undefined
  const message =
    'The pod uses the network of its node (hostNetwork), where sidecars would collide.'
  return { reason: 'HostNetwork', message }
}

function podIsStatic({ metadata }: Pod): Refusal | undefined {
  if (metadata.annotations?.[mirrorAnnotation] === undefined) return undefined
  const message = 'The pod is static: its kubelet runs it from a file, to which nothing is added.'
  return { reason: 'StaticPod', message }
}

function podIsForWindows({ spec }: Pod): Refusal | undefined {
  if (!isWindows(spec)) return undefined
  return { reason: 'Windows', message: 'The pod runs on Windows; sidecars run on Linux only.' }
}

function containerNameIsTaken({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const name = sidecarName(link.metadata.name, role)
  if (!allContainers(spec).some((container) => container.name === name)) return undefined
  const message = `The pod has a container ${name} that was not injected; give it another name.`
  return { reason: 'NameTaken', message }
}

function volumeNameIsTaken({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const ours = new Set(sidecarVolumes(link, role).map((volume) => volume.name))
  const taken = (spec.volumes ?? []).find((volume) => ours.has(volume.name))
  if (taken === undefined) return undefined
  const message = `The pod has a volume ${taken.name} that was not injected; give it another name.`
  return { reason: 'NameTaken', message }
}

function volumeIsMissing({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const wanted = namedVolumes(link, role).find(
    ({ name }) => findVolume(spec.volumes, name) === undefined,
  )
  if (wanted === undefined) return undefined
  const message = `The pod has no volume ${wanted.name}, which \`${wanted.field}\` names.`
  return { reason: 'VolumeMissing', message }
}

function volumeTypeIsForbidden({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  for (const { name, field } of namedVolumes(link, role)) {
    // The API server reads a volume without a source as an emptyDir.
    const types = Object.keys(findVolume(spec.volumes, name) ?? {}).filter((key) => key !== 'name')
    const forbidden = types.find((type) => !['emptyDir', 'persistentVolumeClaim'].includes(type))
    if (forbidden === undefined) continue
    const message = `Expected volume ${name}, which \`${field}\` names, to be an emptyDir or a persistentVolumeClaim, got ${forbidden}.`
    return { reason: 'VolumeForbidden', message }
  }
  return undefined
}

function volumeIsBlockDevice({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  for (const { name, field } of namedVolumes(link, role)) {
    const user = allContainers(spec).find(({ volumeDevices = [] }) =>
      volumeDevices.some((device) => device.name === name),
    )
    if (user === undefined) continue
    const message = `Expected volume ${name}, which \`${field}\` names, to hold a file system, but container ${user.name} uses it as a raw block device (volumeDevices).`
    return { reason: 'VolumeForbidden', message }
  }
  return undefined
}

function queueVolumeIsReadOnly({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const name = role === 'sender' ? link.spec.sender?.queue.volume : undefined
  const volume = name === undefined ? undefined : findVolume(spec.volumes, name)
  const claim = volume?.['persistentVolumeClaim'] as { readOnly?: boolean } | undefined
  if (claim?.readOnly !== true) return undefined
  const message = `Expected volume ${name}, which \`spec.sender.queue.volume\` names, to be writable, got readOnly.`
  return { reason: 'VolumeForbidden', message }
}

function filesAreNotMounted(pod: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  return role === 'sender' ? fileMounts(pod, link).refused : undefined
}

/** The pod's own volumes that the link wants in its sidecar. */
function namedVolumes({ spec }: LogstashLink, role: Role): { name: string; field: string }[] {
  const { unix, file } = spec.receiver.deliver ?? {}
  const { collect, queue } = spec.sender ?? {}
  const all: [Role, string | undefined, string][] = [
    ['receiver', unix?.volume, 'spec.receiver.deliver.unix.volume'],
    ['receiver', file?.volume, 'spec.receiver.deliver.file.volume'],
    ['sender', collect?.files?.volume, 'spec.sender.collect.files.volume'],
    ['sender', queue?.volume, 'spec.sender.queue.volume'],
  ]
  return all.flatMap(([of, name, field]) =>
    of === role && name !== undefined ? [{ name, field }] : [],
  )
}

function findVolume(volumes: PodVolume[] | undefined, name: string): PodVolume | undefined {
  return (volumes ?? []).find((volume) => volume.name === name)
}
