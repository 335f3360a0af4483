import type { KubeClient } from './client.ts'
import { ClusterError } from './cluster.ts'
import { leaseKind } from './lease-record.ts'
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

export function openLease(
  client: Pick<KubeClient, 'request'>,
  { namespace, name }: { namespace: string; name: string },
): LeaseStore {
  const all = `/apis/${leaseKind.apiVersion}/namespaces/${namespace}/leases`
  const path = `${all}/${name}`
  return {
    async read(signal) {
      try {
        return await client.request<Lease>({ method: 'GET', path, signal })
      } catch (error) {
        if (error instanceof ClusterError && error.reason === 'NotFound') return undefined
        throw error
      }
    },
    create: (body, signal) => client.request<Lease>({ method: 'POST', path: all, body, signal }),
    replace: (body, signal) => client.request<Lease>({ method: 'PUT', path, body, signal }),
  }
}
