/** The workload behind a pod, `Deployment/web`, as far as the pod itself says. */
import type { KubeObject } from './objects.ts'

/** Kinds of apps/v1 whose pods come anew, one after the other, when their template changes. */
export const restartableKinds: readonly string[] = ['Deployment', 'StatefulSet', 'DaemonSet']

/**
 * A Deployment's pods belong to a ReplicaSet whose name is the Deployment's with the hash of the template. Undefined for a
 * pod that nobody controls.
 */
export function workloadOf({
  labels,
  ownerReferences,
}: KubeObject['metadata']): string | undefined {
  const owner = ownerReferences?.find(({ controller }) => controller === true)
  if (owner === undefined) return undefined
  const hash = labels?.['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return `Deployment/${owner.name.slice(0, -hash.length - 1)}`
  }
  return `${owner.kind}/${owner.name}`
}
