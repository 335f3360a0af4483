/**
 * How far a workload's rollout is, by what its controller reports. The conditions for "through" are those of
 * `kubectl rollout status`.
 */
import type { KubeObject } from '../api/objects.ts'

export type Progress =
  /** All pods are of the current template and available. */
  | { state: 'through' }
  | { state: 'under way' }
  /** Its controller gave up. */
  | { state: 'failed'; why: string }
  /** A new template would not, or not wholly, reach its pods. */
  | { state: 'held'; why: string }

/** The fields that are read of apps/v1 Deployment, StatefulSet and DaemonSet. */
interface WorkloadObject extends KubeObject {
  spec?: {
    replicas?: number
    paused?: boolean
    updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } }
  }
  status?: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    readyReplicas?: number
    availableReplicas?: number
    currentRevision?: string
    updateRevision?: string
    desiredNumberScheduled?: number
    updatedNumberScheduled?: number
    numberAvailable?: number
    conditions?: { type: string; status: string; reason?: string }[]
  }
}

export function progressOf(object: KubeObject): Progress {
  const workload: WorkloadObject = object
  const why = held(workload)
  if (why !== undefined) return { state: 'held', why }
  const { generation = 0 } = workload.metadata
  // What the status says is of an older template.
  if ((workload.status?.observedGeneration ?? 0) < generation) return { state: 'under way' }
  if (hasGivenUp(workload)) return { state: 'failed', why: 'its progress deadline is exceeded' }
  return { state: isThrough(workload) ? 'through' : 'under way' }
}

function held({ spec = {} }: WorkloadObject): string | undefined {
  if (spec.paused === true) return 'it is paused'
  const { type, rollingUpdate } = spec.updateStrategy ?? {}
  if (type === 'OnDelete') return 'its update strategy is OnDelete'
  if ((rollingUpdate?.partition ?? 0) > 0) return 'its update strategy has a partition'
  return undefined
}

function hasGivenUp({ status = {} }: WorkloadObject): boolean {
  return (status.conditions ?? []).some(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  )
}

function isThrough(workload: WorkloadObject): boolean {
  const { kind, spec = {}, status = {} } = workload
  if (kind === 'DaemonSet') {
    const { desiredNumberScheduled: desired = 0, updatedNumberScheduled: updated = 0 } = status
    return updated >= desired && (status.numberAvailable ?? 0) >= desired
  }
  const wanted = spec.replicas ?? 1
  if (kind === 'StatefulSet') {
    const { readyReplicas = 0, availableReplicas = readyReplicas } = status
    return status.currentRevision === status.updateRevision && availableReplicas >= wanted
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  return updatedReplicas >= wanted && replicas <= updatedReplicas && availableReplicas >= wanted
}
