/**
 * Why a pod gets no sidecar: a chain of checks, each with its reason. A pod that is left out starts as it would without us;
 * the link's conditions and an event say so.
 */
import type { LogstashLink } from '../api/link.ts'
import { labels, sidecarName, type Role } from '../api/names.ts'
import { notBuiltYet } from '../api/not-built.ts'
import { sidecarVolumes } from '../desired/sidecar-volumes.ts'
import { allContainers, isWindows } from './pod-facts.ts'
import type { Pod, PodVolume } from './pod.ts'

export type SkipReason =
  | 'OptedOut'
  | 'HostNetwork'
  | 'StaticPod'
  | 'Windows'
  | 'NotBuilt'
  | 'NameTaken'
  | 'VolumeMissing'
  | 'VolumeForbidden'
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
  linkNeedsWhatIsNotBuilt,
  // Someone's container of our name: two would have the pod refused.
  containerNameIsTaken,
  volumeNameIsTaken,
  // A missing volume would have the pod refused.
  volumeIsMissing,
  // A link's author must not reach Secrets, tokens or the node's disk through a volume of the pod.
  volumeTypeIsForbidden,
  // A claim in Block mode cannot be mounted: the pod would wait for ever.
  volumeIsBlockDevice,
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

function linkNeedsWhatIsNotBuilt(_pod: Pod, link: LogstashLink): Refusal | undefined {
  const [message] = notBuiltYet(link)
  return message === undefined ? undefined : { reason: 'NotBuilt', message }
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
  const wanted = namedVolume(link, role)
  if (wanted === undefined || findVolume(spec.volumes, wanted.name) !== undefined) return undefined
  const message = `The pod has no volume ${wanted.name}, which \`${wanted.field}\` names.`
  return { reason: 'VolumeMissing', message }
}

function volumeTypeIsForbidden({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const wanted = namedVolume(link, role)
  const volume = wanted === undefined ? undefined : findVolume(spec.volumes, wanted.name)
  if (wanted === undefined || volume === undefined) return undefined
  // The API server reads a volume without a source as an emptyDir.
  const types = Object.keys(volume).filter((key) => key !== 'name')
  const forbidden = types.find((type) => !['emptyDir', 'persistentVolumeClaim'].includes(type))
  if (forbidden === undefined) return undefined
  const message = `Expected volume ${volume.name}, which \`${wanted.field}\` names, to be an emptyDir or a persistentVolumeClaim, got ${forbidden}.`
  return { reason: 'VolumeForbidden', message }
}

function volumeIsBlockDevice({ spec }: Pod, link: LogstashLink, role: Role): Refusal | undefined {
  const wanted = namedVolume(link, role)
  if (wanted === undefined) return undefined
  const user = allContainers(spec).find(({ volumeDevices = [] }) =>
    volumeDevices.some(({ name }) => name === wanted.name),
  )
  if (user === undefined) return undefined
  const message = `Expected volume ${wanted.name}, which \`${wanted.field}\` names, to hold a file system, but container ${user.name} uses it as a raw block device (volumeDevices).`
  return { reason: 'VolumeForbidden', message }
}

/** The pod's own volume that the link wants in its sidecar. */
function namedVolume(
  { spec }: LogstashLink,
  role: Role,
): { name: string; field: string } | undefined {
  if (role === 'sender') return undefined
  const { unix, file } = spec.receiver.deliver ?? {}
  if (unix !== undefined) return { name: unix.volume, field: 'spec.receiver.deliver.unix.volume' }
  if (file !== undefined) return { name: file.volume, field: 'spec.receiver.deliver.file.volume' }
  return undefined
}

function findVolume(volumes: PodVolume[] | undefined, name: string): PodVolume | undefined {
  return (volumes ?? []).find((volume) => volume.name === name)
}
