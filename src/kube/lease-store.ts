import type { Lease } from './lease-record.ts'

/** One Lease on the API server. Each call rejects when its signal is aborted; the server may still carry it out. */
export interface LeaseStore {
  /** As it stands now, never from a cache. */
  read(signal: AbortSignal): Promise<Lease | undefined>
  /** Fails with a ClusterError AlreadyExists where there is one. */
  create(lease: Lease, signal: AbortSignal): Promise<Lease>
  /** Fails with a ClusterError Conflict unless it still has the resourceVersion that is given. */
  replace(lease: Lease, signal: AbortSignal): Promise<Lease>
}
