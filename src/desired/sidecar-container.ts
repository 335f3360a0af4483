/**
 * The containers that injection puts into pods, by "Injection never hurts the application" of the design: native sidecars
 * (initContainers with restartPolicy Always), so that the application starts after and ends before them.
 */
import type {
  V1Container,
  V1ContainerPort,
  V1Probe,
  V1SecurityContext,
  V1VolumeMount,
} from '@kubernetes/client-node'
import { digestOf } from '../api/digest.ts'
import type { LogstashLink } from '../api/link.ts'
import {
  configFiles,
  environment,
  mounts,
  receiverPortName,
  sidecarName,
  sidecarVolumeName,
  type Role,
} from '../api/names.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { needsIdentity } from '../api/roles.ts'
import { graceArguments } from './grace.ts'
import { sidecarResources } from './sidecar-resources.ts'
import { stateVolume } from './state-volume.ts'

export interface Placement {
  options: OperatorOptions
  /** Of this sidecar alone in its pod. */
  healthPort: number
  /** The user that the pod's own containers run as, where they share one that is not root. */
  user?: number
  /** The pod's own containers make it one of the QoS class Guaranteed. */
  guaranteed?: boolean
  /** Names of resources that are given to the pod as a whole. */
  shared?: readonly string[]
  /** The pod's terminationGracePeriodSeconds. */
  graceSeconds: number
}

interface SenderPlacement extends Placement {
  /** Where the volume of collect.files is mounted. */
  fileMounts: readonly string[]
}

/** A container as plain data. */
export type Container = { [Field in keyof V1Container]: V1Container[Field] }

/** Numeric, so that the kubelet can tell that it is not root; the image's own user is the same. */
const defaultUser = 65_532

export function receiverSidecar(link: LogstashLink, placement: Placement): Container {
  const { port, deliver } = link.spec.receiver
  const volume = deliver?.unix?.volume ?? deliver?.file?.volume
  return {
    ...sidecar(link, 'receiver', placement, ['--port', String(port)]),
    ports: [
      { name: receiverPortName(link.metadata.name), containerPort: port, protocol: 'TCP' },
      healthContainerPort(placement),
    ],
    // "Listening with an identity", never back-pressure or the application's state.
    readinessProbe: probe('/readyz', placement, { periodSeconds: 5, failureThreshold: 3 }),
    volumeMounts: [
      ...volumeMounts(link, 'receiver'),
      ...(volume === undefined ? [] : [{ name: volume, mountPath: mounts.deliver }]),
    ],
  }
}

/** No readinessProbe: a fault of the link must not take the application out of its Service. */
export function senderSidecar(link: LogstashLink, placement: SenderPlacement): Container {
  const { http, tcp, files } = link.spec.sender?.collect ?? {}
  return {
    ...sidecar(link, 'sender', placement, [
      ...(http === undefined ? [] : ['--http', String(http.port)]),
      ...(tcp === undefined ? [] : ['--tcp', String(tcp.port)]),
      ...(files?.paths ?? []).flatMap((path) => ['--file', path]),
    ]),
    ports: [
      ...(http === undefined ? [] : [collectPort(link, 'http', http.port)]),
      ...(tcp === undefined ? [] : [collectPort(link, 'tcp', tcp.port)]),
      healthContainerPort(placement),
    ],
    volumeMounts: [
      ...volumeMounts(link, 'sender'),
      ...placement.fileMounts.map((mountPath) => ({
        name: files?.volume ?? '',
        mountPath,
        readOnly: true,
      })),
    ],
  }
}

function sidecar(
  link: LogstashLink,
  role: Role,
  placement: Placement,
  args: readonly string[],
): Container {
  const { options, guaranteed = false, shared = [] } = placement
  return {
    name: sidecarName(link.metadata.name, role),
    image: options.image,
    ...(options.imagePullPolicy === undefined ? {} : { imagePullPolicy: options.imagePullPolicy }),
    args: [
      role,
      '--config',
      `${mounts.config}/${configFiles.settings}`,
      ...args,
      ...graceArguments(placement.graceSeconds),
      '--health-port',
      String(placement.healthPort),
    ],
    restartPolicy: 'Always',
    env: [
      fromPod(environment.podName, 'metadata.name'),
      fromPod(environment.podNamespace, 'metadata.namespace'),
      fromPod(environment.nodeName, 'spec.nodeName'),
    ],
    resources: sidecarResources(link, role, { options, guaranteed, shared }),
    securityContext: restricted(placement.user ?? defaultUser),
    // The application waits for this one: it asks whether the process is up, nothing of identity, hosts or network.
    startupProbe: probe('/healthz', placement, { periodSeconds: 1, failureThreshold: 120 }),
    livenessProbe: probe('/healthz', placement, { periodSeconds: 10, failureThreshold: 6 }),
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}

/** All that the Pod Security level `restricted` asks for. */
function restricted(user: number): V1SecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

function probe(
  path: string,
  { healthPort }: Placement,
  pace: { periodSeconds: number; failureThreshold: number },
): V1Probe {
  return { httpGet: { path, port: healthPort }, timeoutSeconds: 5, ...pace }
}

function volumeMounts(link: LogstashLink, role: Role): V1VolumeMount[] {
  const name = (part: Parameters<typeof sidecarVolumeName>[2]) =>
    sidecarVolumeName(link.metadata.name, role, part)
  const identity = { name: name('identity'), mountPath: mounts.identity, readOnly: true }
  const auth = { name: name('auth'), mountPath: mounts.auth, readOnly: true }
  return [
    { name: name('config'), mountPath: mounts.config, readOnly: true },
    ...(needsIdentity(link, role) ? [identity] : []),
    ...(link.spec.auth === undefined ? [] : [auth]),
    { name: stateVolume(link, role).name, mountPath: mounts.state },
    // Something stands there already, so admission mounts no token of the application's service account.
    { name: name('token'), mountPath: mounts.serviceAccount, readOnly: true },
  ]
}

/** One name for all sidecars, so that a PodMonitor finds them. */
function healthContainerPort({ healthPort }: Placement): V1ContainerPort {
  return { name: 'lsl-metrics', containerPort: healthPort, protocol: 'TCP' }
}

/** Port names hold at most 15 characters, so the link stands in them by a hash. */
function collectPort(link: LogstashLink, how: 'http' | 'tcp', port: number): V1ContainerPort {
  const name = `${how}-${digestOf(link.metadata.name).slice(0, 8)}`
  return { name, containerPort: port, protocol: 'TCP' }
}

function fromPod(name: string, fieldPath: string): { name: string; valueFrom: object } {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}
