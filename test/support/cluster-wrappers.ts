/** Clusters around a cluster: one that counts writes, one that fails now and then. */
import { kind } from '../../src/api/names.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import type { Cluster } from '../../src/kube/cluster.ts'

export interface WriteCount {
  cluster: Cluster
  /** `apply ConfigMap orders-receiver`, in the order in which they came. */
  writes: string[]
  /** How often a link was read, as each look at one begins. */
  looks: () => number
}

export function countingWrites(inner: Cluster): WriteCount {
  const writes: string[] = []
  let looks = 0
  const cluster: Cluster = {
    ...inner,
    get: (key) => {
      if (key.kind === kind) looks += 1
      return inner.get(key)
    },
    create: (object) => {
      writes.push(`create ${object.kind} ${object.metadata.name}`)
      return inner.create(object)
    },
    apply: (object) => {
      writes.push(`apply ${object.kind} ${object.metadata.name}`)
      return inner.apply(object)
    },
    applyStatus: (object) => {
      writes.push(`status ${object.kind} ${object.metadata.name}`)
      return inner.applyStatus(object)
    },
    delete: (key, options) => {
      writes.push(`delete ${key.kind} ${key.name}`)
      return inner.delete(key, options)
    },
  }
  return { cluster, writes, looks: () => looks }
}

/** Before the call is made, or after it had its effect: both happen on a network. */
export function failingAtRandom(
  inner: Cluster,
  { random, share }: { random: () => number; share: number },
): Cluster {
  const maybe = async <T>(call: () => Promise<T>): Promise<T> => {
    if (random() < share / 2) throw new ClusterError('Unavailable', 'connection reset')
    const result = await call()
    if (random() < share / 2) throw new ClusterError('Unavailable', 'connection reset')
    return result
  }
  return {
    get: (key) => maybe(() => inner.get(key)),
    list: (kind, where) => maybe(() => inner.list(kind, where)),
    watch: (kind, where, handler) => inner.watch(kind, where, handler),
    create: (object) => maybe(() => inner.create(object)),
    apply: (object) => maybe(() => inner.apply(object)),
    applyStatus: (object) => maybe(() => inner.applyStatus(object)),
    delete: (key, options) => maybe(() => inner.delete(key, options)),
  }
}
