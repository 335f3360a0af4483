import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../telemetry/metrics.ts'

export interface ControllerMetrics {
  /** Observes a reconcile's seconds. */
  reconciled(result: 'ok' | 'failed', seconds: number): void
  /** By the stable code of the catalogue, or the reason of the cluster's refusal. */
  failed(code: string): void
  nudged: () => void
  restarted: () => void
  eventDropped: () => void
}

export function createControllerMetrics(
  registry: Registry,
  queue: { waiting: () => number; running: () => number; links: () => number },
): ControllerMetrics {
  const registers = [registry]
  const duration = new Histogram({
    name: 'logstash_link_controller_reconcile_duration_seconds',
    help: 'Time from taking a key to being done with it',
    labelNames: ['result'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const errors = new Counter({
    name: 'logstash_link_controller_errors_total',
    help: 'Reconciles that failed, by code',
    labelNames: ['code'],
    registers,
  })
  const nudges = new Counter({
    name: 'logstash_link_controller_nudges_total',
    help: 'Annotations written to pods so that their kubelet looks at what they mount',
    registers,
  })
  const restarts = new Counter({
    name: 'logstash_link_controller_restarts_total',
    help: 'Workloads that were restarted so that their pods get sidecars',
    registers,
  })
  const dropped = new Counter({
    name: 'logstash_link_controller_events_dropped_total',
    help: 'Events of links that were not written because there were too many, or because the cluster refused them',
    registers,
  })
  const gauges: [string, string, () => number][] = [
    ['queue_depth', 'Links that wait for their reconcile', queue.waiting],
    ['running', 'Links that are being reconciled', queue.running],
    ['links', 'Links that exist', queue.links],
  ]
  for (const [name, help, value] of gauges) {
    const gauge: Gauge = new Gauge({
      name: `logstash_link_controller_${name}`,
      help,
      registers,
      collect: () => gauge.set(value()),
    })
  }
  return {
    reconciled: (result, seconds) => duration.observe({ result }, seconds),
    failed: (code) => errors.inc({ code }),
    nudged: () => nudges.inc(),
    restarted: () => restarts.inc(),
    eventDropped: () => dropped.inc(),
  }
}
