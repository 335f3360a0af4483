/**
 * What to do about the pods of a StatefulSet. Pure. Pods are numbered, and each comes back under its name and with its
 * claims.
 *
 *   start      0, 1, 2 … each once the one before is ready (podManagementPolicy Parallel: all at once)
 *   rollout    from the last to the first, one at a time, the next once the one before is ready; OnDelete: none
 *   shrink     from the last on
 */
import { digestOf } from '../../api/digest.ts'
import type { Kind, KubeObject } from '../../api/objects.ts'
import { isFinished, isReady, type Pod, type PodSpec } from '../pod.ts'
import { podOf, type Workload, type WorkloadPlan } from './workload.ts'

export const statefulSetKind: Kind = { apiVersion: 'apps/v1', kind: 'StatefulSet' }
const hashLabel = 'controller-revision-hash'

export interface StatefulSet extends Workload {
  spec: Workload['spec'] & {
    replicas?: number
    podManagementPolicy?: 'OrderedReady' | 'Parallel'
    updateStrategy?: { type?: 'RollingUpdate' | 'OnDelete' }
    volumeClaimTemplates?: { metadata: { name: string }; spec?: object }[]
  }
}

/** @param pods all that belong to the StatefulSet, ending ones included */
export function planStatefulSet(set: StatefulSet, pods: readonly Pod[]): WorkloadPlan {
  const { replicas = 1, podManagementPolicy = 'OrderedReady', updateStrategy = {} } = set.spec
  const hash = digestOf(set.spec.template).slice(0, 8)
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]))
  const names = Array.from({ length: replicas }, (_, index) => `${set.metadata.name}-${index}`)
  const isServing = (name: string): boolean => {
    const pod = byName.get(name)
    return pod !== undefined && pod.metadata.deletionTimestamp === undefined && isReady(pod)
  }
  // An ending pod holds its name, and its claims, until its processes are gone.
  const missing = names.filter((name) => !byName.has(name))
  const firstNotServing = names.find((name) => !isServing(name))
  const startable =
    podManagementPolicy === 'Parallel'
      ? missing
      : missing.filter((name) => name === firstNotServing)
  const live = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const surplus = live.filter(({ metadata }) => !names.includes(metadata.name))
  const old = live.filter(
    ({ metadata }) => metadata.labels?.[hashLabel] !== hash && names.includes(metadata.name),
  )
  const next = old.toSorted((a, b) => numberOf(b) - numberOf(a))[0]
  const othersServe = names.every((name) => name === next?.metadata.name || isServing(name))
  const rolls = updateStrategy.type !== 'OnDelete' && next !== undefined && othersServe
  // An old pod that never became ready would hold up its own mending.
  const stuck =
    updateStrategy.type === 'OnDelete' ? [] : old.filter((pod) => !isReady(pod)).slice(0, 1)
  const remove = [...surplus, ...live.filter(isFinished), ...(rolls ? [next] : stuck)]
  const ready = names.filter(isServing).length
  return {
    claims: startable.flatMap((name) => claimsOf(set, name)),
    create: startable.map((name) =>
      podOf(set, statefulSetKind, {
        name,
        labels: { 'statefulset.kubernetes.io/pod-name': name, [hashLabel]: hash },
        spec: withClaims(set, name),
      }),
    ),
    remove: [...new Set(remove)],
    status: {
      observedGeneration: set.metadata.generation ?? 1,
      replicas: live.length - surplus.length,
      readyReplicas: ready,
      availableReplicas: ready,
      updatedReplicas: live.length - old.length - surplus.length,
    },
  }
}

function claimName(template: string, pod: string): string {
  return `${template}-${pod}`
}

function claimsOf({ metadata, spec }: StatefulSet, pod: string): KubeObject[] {
  return (spec.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(template.metadata.name, pod),
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    },
    spec: template.spec ?? {},
  }))
}

function withClaims({ spec }: StatefulSet, pod: string): PodSpec {
  const { volumes = [], ...rest } = spec.template.spec
  const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: claimName(name, pod) },
  }))
  const taken = new Set(claims.map(({ name }) => name))
  return { ...rest, volumes: [...volumes.filter(({ name }) => !taken.has(name)), ...claims] }
}

function numberOf({ metadata }: Pod): number {
  return Number(/\d+$/.exec(metadata.name)?.[0] ?? 0)
}
