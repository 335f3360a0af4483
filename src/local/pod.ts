/** The parts of Kubernetes' Pod that the local runtime reads, as raw JSON. What it cannot honour is refused by check-pod.ts. */
import type { Kind, KubeObject } from '../api/objects.ts'

export const podKind: Kind = { apiVersion: 'v1', kind: 'Pod' }

export interface Pod extends KubeObject {
  spec: PodSpec
  status?: PodStatus
}

export interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  volumes?: Volume[]
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  hostNetwork?: boolean
  nodeName?: string
  serviceAccountName?: string
  [field: string]: unknown
}

export interface Container {
  name: string
  image?: string
  command?: string[]
  args?: string[]
  workingDir?: string
  env?: EnvVar[]
  envFrom?: EnvFromSource[]
  ports?: { name?: string; containerPort: number; protocol?: string }[]
  volumeMounts?: VolumeMount[]
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
  /** Only on initContainers: a native sidecar. */
  restartPolicy?: 'Always'
  lifecycle?: unknown
  [field: string]: unknown
}

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    configMapKeyRef?: KeyRef
    secretKeyRef?: KeyRef
    resourceFieldRef?: unknown
  }
}

export interface KeyRef {
  name: string
  key: string
  optional?: boolean
}

interface EnvFromSource {
  prefix?: string
  configMapRef?: { name: string; optional?: boolean }
  secretRef?: { name: string; optional?: boolean }
}

interface VolumeMount {
  name: string
  mountPath: string
  readOnly?: boolean
  subPath?: string
  subPathExpr?: string
}

interface KeyToPath {
  key: string
  path: string
  mode?: number
}

interface FieldItem {
  path: string
  fieldRef?: { fieldPath: string }
  mode?: number
}

export interface ConfigMapSource {
  name: string
  items?: KeyToPath[]
  optional?: boolean
  defaultMode?: number
}

export interface SecretSource {
  secretName?: string
  name?: string
  items?: KeyToPath[]
  optional?: boolean
  defaultMode?: number
}

export interface Volume {
  name: string
  emptyDir?: unknown
  configMap?: ConfigMapSource
  secret?: SecretSource
  downwardAPI?: { items?: FieldItem[]; defaultMode?: number }
  projected?: {
    defaultMode?: number
    sources?: {
      configMap?: ConfigMapSource
      secret?: SecretSource
      downwardAPI?: { items?: FieldItem[] }
    }[]
  }
  persistentVolumeClaim?: { claimName: string }
  [source: string]: unknown
}

export interface Probe {
  httpGet?: {
    path?: string
    port: number | string
    host?: string
    scheme?: 'HTTP' | 'HTTPS'
    httpHeaders?: { name: string; value: string }[]
  }
  tcpSocket?: { port: number | string; host?: string }
  exec?: { command?: string[] }
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  failureThreshold?: number
  successThreshold?: number
  [field: string]: unknown
}

export interface PodCondition {
  type: string
  status: 'True' | 'False'
  lastTransitionTime: string
  reason?: string
  message?: string
}

export interface PodStatus {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  podIP?: string
  podIPs?: { ip: string }[]
  hostIP?: string
  startTime?: string
  conditions?: PodCondition[]
  containerStatuses?: ContainerStatus[]
  initContainerStatuses?: ContainerStatus[]
}

/** One of the three is set. */
export interface ContainerState {
  waiting?: { reason: string; message?: string }
  running?: { startedAt: string }
  terminated?: {
    exitCode: number
    signal?: number
    reason: string
    message?: string
    startedAt: string
    finishedAt: string
  }
}

export interface ContainerStatus {
  name: string
  image: string
  imageID: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  lastState: ContainerState
}

/** A native sidecar: an init container that stays. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** True when the pod says of itself that it is ready. */
export function isReady(pod: Pod): boolean {
  return (pod.status?.conditions ?? []).some(
    (each) => each.type === 'Ready' && each.status === 'True',
  )
}

/** True once the pod ended for good. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}
