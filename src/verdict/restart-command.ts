/** What to type so that pods are made anew: sidecars come into pods only when those are created. */
import type { ObservedPod } from '../api/observed.ts'
import { restartableKinds } from '../api/workload.ts'

/** One command for each workload, sorted; for a pod that no such workload would make again, what to do instead. */
export function restartCommands(pods: readonly ObservedPod[]): string[] {
  return [...new Set(pods.map(commandFor))].toSorted()
}

function commandFor({ namespace, name, workload }: ObservedPod): string {
  const [kind = '', workloadName] = (workload ?? '').split('/')
  if (restartableKinds.includes(kind)) {
    return `kubectl rollout restart ${kind.toLowerCase()}/${workloadName} -n ${namespace}`
  }
  return workload === undefined
    ? `make pod ${name} anew`
    : `kubectl delete pod ${name} -n ${namespace}`
}
