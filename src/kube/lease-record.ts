/** The Lease as a record, and who may write the next one. Pure. */
import type { KubeObject } from '../api/objects.ts'

export const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as const

export interface Lease extends KubeObject {
  spec?: LeaseSpec
}

/** As far as we write it; other fields of the API are kept as they are. */
interface LeaseSpec {
  /** Empty when its last holder gave it back. */
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  /** Grows with each change of the holder. */
  leaseTransitions?: number
  [field: string]: unknown
}

/** When a candidate last saw the record change, by its own monotonic clock. */
export interface Sighting {
  resourceVersion: string
  holder: string
  /** How long its holder may believe in it, ms. */
  durationMs: number
  at: number
}

/**
 * What is known after a reading at `at`. Any write counts as a change: too long a wait harms nobody. A Lease that is gone
 * says nothing of its holder, who believes in it still, so the last sighting stands.
 */
export function sighted(
  last: Sighting | undefined,
  lease: Lease | undefined,
  { at, leaseMs }: { at: number; leaseMs: number },
): Sighting | undefined {
  const resourceVersion = lease?.metadata.resourceVersion ?? ''
  if (lease === undefined || last?.resourceVersion === resourceVersion) return last
  const durationMs = Math.max(leaseMs, (lease.spec?.leaseDurationSeconds ?? 0) * 1000)
  return { resourceVersion, holder: lease.spec?.holderIdentity ?? '', durationMs, at }
}

/** Own, given back, never seen, or not written to for as long as its holder may believe in it. */
export function mayWrite(last: Sighting | undefined, identity: string, now: number): boolean {
  if (last === undefined || last.holder === '' || last.holder === identity) return true
  return now - last.at >= last.durationMs
}

/** The record by which `identity` holds the Lease, renewed or taken over at `wall` (ms since 1970). */
export function heldBy(
  before: Lease | undefined,
  name: { namespace: string; name: string },
  { identity, leaseMs, wall }: { identity: string; leaseMs: number; wall: number },
): Lease {
  const time = microTime(wall)
  const spec = before?.spec
  const mine = spec?.holderIdentity === identity
  return {
    ...(before ?? { ...leaseKind, metadata: name }),
    spec: {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: (mine ? spec.acquireTime : undefined) ?? time,
      renewTime: time,
      leaseTransitions: spec === undefined ? 0 : (spec.leaseTransitions ?? 0) + (mine ? 0 : 1),
    },
  }
}

/** The record that lets anybody take the Lease at once. */
export function givenBack(lease: Lease, wall: number): Lease {
  return { ...lease, spec: { ...lease.spec, holderIdentity: '', renewTime: microTime(wall) } }
}

/** The API server wants six digits (MicroTime) and refuses the three of a Date. */
export function microTime(wall: number): string {
  return new Date(wall).toISOString().replace('Z', '000Z')
}
