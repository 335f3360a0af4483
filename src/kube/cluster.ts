/**
 * The port through which the control plane sees a cluster. Two implementations: the real API server (src/kube) and the
 * in-memory cluster (src/local); the same controller suite runs on both.
 */
import type { Kind, KubeObject, LabelSelector, ObjectKey } from '../api/objects.ts'

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: KubeObject
}

export interface Where {
  namespace?: string
  /** One object; for Secrets the only way, since nobody is to list all of them. */
  name?: string
  selector?: LabelSelector
}

export interface WatchOptions extends Where {
  /** As the API server takes it: `status.phase!=Succeeded,status.phase!=Failed`. */
  fieldSelector?: string
  /** Only apiVersion, kind and metadata are asked for. */
  metadataOnly?: boolean
  /**
   * What is kept of each object, and so what the handler and later reads see of it; for what nobody needs (managedFields
   * go in any case). An implementation that keeps everything anyway may leave it out.
   */
  reduce?: (object: KubeObject) => KubeObject
}

export interface Subscription {
  /** Resolves once every object that existed at the start was handed over. */
  synced: Promise<void>
  /** Looks at once, where changes are not told by themselves (Secrets on a real cluster are asked for now and then). */
  refresh(): void
  stop(): void
}

/**
 * Reads may be answered from what an open watch keeps, as far as one covers what is asked; what oneself wrote is always
 * seen. What no watch covers is read from the cluster itself.
 */
export interface Cluster {
  /** The object, or undefined where there is none. */
  get<T extends KubeObject = KubeObject>(key: ObjectKey): Promise<T | undefined>
  /** All objects of a kind, in one namespace or in all, in the order of namespace and name. */
  list<T extends KubeObject = KubeObject>(
    kind: Kind,
    where?: Pick<Where, 'namespace' | 'selector'>,
  ): Promise<T[]>
  /** First what exists (as ADDED), then each change. Handlers must not throw; they only put keys on a queue. */
  watch(kind: Kind, where: WatchOptions, handler: (event: WatchEvent) => void): Subscription
  /** POST: fails with a ClusterError of reason AlreadyExists where the name is taken. */
  create<T extends KubeObject>(object: T): Promise<T>
  /**
   * Server-side apply with force and our field manager. With metadata.uid it fails (Conflict) unless the object that is
   * there has that uid, so that nothing of someone else's is taken over.
   */
  apply<T extends KubeObject>(object: T): Promise<T>
  /** Server-side apply of the status subresource only. */
  applyStatus<T extends KubeObject>(object: T): Promise<T>
  /** Deletes; an object that is gone already is fine. With uid only that very object. */
  delete(key: ObjectKey, options?: { uid?: string }): Promise<void>
}

export type ClusterErrorReason =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Invalid'
  | 'Forbidden'
  | 'Unavailable'

/** What a cluster answers when it refuses; the reasons are those of Kubernetes' own Status. */
export class ClusterError extends Error {
  readonly reason: ClusterErrorReason
  constructor(reason: ClusterErrorReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ClusterError'
    this.reason = reason
  }
}
