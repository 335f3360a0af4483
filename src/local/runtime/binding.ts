/** Which pods are this kubelet's to run, and how their objects are held until their processes have ended. */
import { group } from '../../api/names.ts'
import type { ObjectMeta } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { podKind, type Pod } from '../pod.ts'
import { nodeName } from './downward.ts'

export interface Binding {
  isOurs(pod: Pod): boolean
  /** From now on the object stays until it is released. */
  keep(pod: Pod): Promise<void>
  /** No process of it is left; a pod that is gone already is fine. */
  release(pod: Pod): Promise<void>
}

const finalizer = `local.${group}/processes`

/** For the in-memory cluster, where all pods are ours and no grace holds an object: by a finalizer. */
export function bindingByFinalizer(cluster: Cluster): Binding {
  return {
    isOurs: () => true,
    async keep(pod) {
      const metadata = { ...identityOf(pod), finalizers: [finalizer] }
      await cluster.apply({ ...podKind, metadata, spec: { nodeName } })
    },
    async release(pod) {
      const { name, namespace, uid } = identityOf(pod)
      const where = namespace === undefined ? {} : { namespace }
      const live = await cluster.get<Pod>({ ...podKind, name, ...where })
      if (live?.metadata.uid !== uid || live?.metadata.finalizers === undefined) return
      await cluster.apply({ ...podKind, metadata: identityOf(pod), spec: { nodeName } })
    },
  }
}

/** Names this very pod, and no other of its name. */
export function identityOf({ metadata: { name, namespace, uid } }: Pod): ObjectMeta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
  }
}
