/**
 * What to do about the pods of a Deployment. Pure.
 *
 *   pods of the current template:  too few → create      too many → remove (not ready first, then youngest)
 *   pods of older templates:       removed as far as maxUnavailable allows; new ones made as far as maxSurge allows
 *
 * There are no ReplicaSets here: pods belong to their Deployment itself (docs/local.md).
 */
import { digestOf } from '../../api/digest.ts'
import type { Kind } from '../../api/objects.ts'
import { isFinished, isReady, type Pod } from '../pod.ts'
import { podOf, type Workload, type WorkloadPlan } from './workload.ts'

export const deploymentKind: Kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
const hashLabel = 'pod-template-hash'

export interface Deployment extends Workload {
  spec: Workload['spec'] & {
    replicas?: number
    strategy?: {
      type?: 'RollingUpdate' | 'Recreate'
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string }
    }
  }
}

interface DeploymentStatus {
  observedGeneration: number
  replicas: number
  updatedReplicas: number
  readyReplicas: number
  availableReplicas: number
  unavailableReplicas: number
}

/** @param pods all that belong to the Deployment, ending ones included; @param suffix makes the rest of a pod's name */
export function planDeployment(
  deployment: Deployment,
  pods: readonly Pod[],
  { suffix }: { suffix: () => string },
): WorkloadPlan {
  const { replicas = 1, strategy = {} } = deployment.spec
  const hash = templateHash(deployment)
  const live = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const failed = live.filter(isFinished)
  const active = live.filter((pod) => !isFinished(pod))
  const current = active.filter((pod) => pod.metadata.labels?.[hashLabel] === hash)
  const old = active.filter((pod) => pod.metadata.labels?.[hashLabel] !== hash)
  const ready = active.filter(isReady)
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas: active.length,
    updatedReplicas: current.length,
    readyReplicas: ready.length,
    availableReplicas: ready.length,
    unavailableReplicas: Math.max(0, replicas - ready.length),
  }
  const make = (count: number): Pod[] =>
    Array.from({ length: Math.max(0, count) }, () =>
      podOf(deployment, deploymentKind, {
        name: `${deployment.metadata.name}-${hash}-${suffix()}`,
        labels: { [hashLabel]: hash },
      }),
    )
  if (strategy.type === 'Recreate') {
    const ending = pods.some(({ metadata }) => metadata.labels?.[hashLabel] !== hash)
    const create = make(ending ? 0 : replicas - current.length)
    return {
      claims: [],
      create,
      remove: [...failed, ...old, ...surplus(current, replicas)],
      status,
    }
  }
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy.rollingUpdate ?? {}
  const surge = share(maxSurge, replicas, Math.ceil)
  // Both zero would never get anywhere; Kubernetes then allows one to be unavailable.
  const unavailable = share(maxUnavailable, replicas, Math.floor) || (surge === 0 ? 1 : 0)
  const room = old.length === 0 ? replicas : replicas + surge
  const create = make(Math.min(replicas - current.length, room - active.length))
  // Old pods that are not ready serve nobody: they go first and cost no availability.
  const idle = old.filter((pod) => !isReady(pod))
  const spare = Math.max(0, ready.length - (replicas - unavailable))
  const serving = old.filter(isReady).slice(0, spare)
  const remove = [...failed, ...idle, ...serving, ...surplus(current, replicas)]
  return { claims: [], create, remove, status }
}

function surplus(pods: Pod[], wanted: number): Pod[] {
  const byWorth = pods.toSorted(
    (a, b) =>
      Number(isReady(a)) - Number(isReady(b)) ||
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
  )
  return byWorth.slice(0, Math.max(0, pods.length - wanted))
}

function share(value: number | string, of: number, round: (value: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseFloat(value) / 100) * of)
}

function templateHash({ spec }: Deployment): string {
  return digestOf(spec.template).slice(0, 8)
}
