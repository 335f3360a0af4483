/** What the planners of all kinds of workloads have in common. */
import type { Kind, KubeObject, LabelSelector } from '../../api/objects.ts'
import { podKind, type Pod, type PodSpec } from '../pod.ts'

interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  spec: PodSpec
}

/** A workload that makes its pods of one template and knows them by labels. */
export interface Workload extends KubeObject {
  spec: { selector?: LabelSelector; template: PodTemplate }
}

/** What is to be done now. */
export interface WorkloadPlan {
  /** Made where they are not there yet; what they hold outlives the pods. */
  claims: KubeObject[]
  create: Pod[]
  remove: Pod[]
  status: object
}

/** A pod of the workload's template, which it owns. */
export function podOf(
  { metadata, spec }: Workload,
  kind: Kind,
  own: { name: string; labels: Record<string, string>; spec?: PodSpec },
): Pod {
  const { labels = {}, annotations } = spec.template.metadata ?? {}
  const owner = { ...kind, name: metadata.name, uid: metadata.uid ?? '' }
  return {
    ...podKind,
    metadata: {
      name: own.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: { ...labels, ...own.labels },
      ...(annotations && { annotations }),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    },
    spec: own.spec ?? spec.template.spec,
  }
}
