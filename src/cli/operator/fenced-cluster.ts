import { type Cluster, ClusterError } from '../../kube/cluster.ts'

/**
 * The cluster as the leader may write to it: each write asks first whether this process still leads. A process that was
 * frozen wakes with work at hand, and its timers may come later than that work.
 */
export function fencedCluster(cluster: Cluster, leads: () => boolean): Cluster {
  const whileLeading = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!leads()) throw new ClusterError('Unavailable', 'This process does not lead any more')
    return write()
  }
  return {
    get: (key) => cluster.get(key),
    list: (kind, where) => cluster.list(kind, where),
    watch: (kind, where, handler) => cluster.watch(kind, where, handler),
    create: (object) => whileLeading(() => cluster.create(object)),
    apply: (object) => whileLeading(() => cluster.apply(object)),
    applyStatus: (object) => whileLeading(() => cluster.applyStatus(object)),
    delete: (key, options) => whileLeading(() => cluster.delete(key, options)),
  }
}
