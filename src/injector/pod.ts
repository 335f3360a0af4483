/** A pod as admission shows it: the fields that injection reads or writes. */
import type { KubeObject } from '../api/objects.ts'

export interface Pod extends KubeObject {
  spec: PodSpec
}

export interface PodSpec {
  containers: PodContainer[]
  initContainers?: PodContainer[]
  volumes?: PodVolume[]
  hostNetwork?: boolean
  os?: { name?: string }
  nodeSelector?: Record<string, string>
  securityContext?: { runAsUser?: number }
  terminationGracePeriodSeconds?: number
  /** Of the pod as a whole. */
  resources?: { requests?: Amounts; limits?: Amounts }
  [field: string]: unknown
}

export interface PodContainer {
  name: string
  ports?: { containerPort: number; hostPort?: number; protocol?: string }[]
  volumeDevices?: { name: string; devicePath: string }[]
  volumeMounts?: PodMount[]
  resources?: { requests?: Amounts; limits?: Amounts }
  securityContext?: { runAsUser?: number }
  [field: string]: unknown
}

export interface PodMount {
  name: string
  mountPath: string
  subPath?: string
  subPathExpr?: string
}

export interface PodVolume {
  name: string
  [source: string]: unknown
}

type Amounts = Record<string, string | number>
