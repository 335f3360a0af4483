import { Counter, Gauge } from 'prom-client'
import type { Registry } from '../telemetry/metrics.ts'

export interface LeaseMetrics {
  /** As the Lease itself counts them. */
  transitions(count: number): void
  failed(): void
}

export function createLeaseMetrics(registry: Registry, leads: () => boolean): LeaseMetrics {
  const registers = [registry]
  const leader: Gauge = new Gauge({
    name: 'logstash_link_kube_lease_leader',
    help: '1 while this process leads, else 0',
    registers,
    collect: () => leader.set(leads() ? 1 : 0),
  })
  const transitions = new Gauge({
    name: 'logstash_link_kube_lease_transitions',
    help: 'How often the Lease went from one holder to another, as it was last seen',
    registers,
  })
  const failures = new Counter({
    name: 'logstash_link_kube_lease_failures_total',
    help: 'Attempts to read or write the Lease that failed; losing a race to another is no failure',
    registers,
  })
  return {
    transitions: (count) => transitions.set(count),
    failed: () => failures.inc(),
  }
}
