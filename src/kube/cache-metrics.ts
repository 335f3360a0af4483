import { Counter, Gauge } from 'prom-client'
import type { Registry } from '../telemetry/metrics.ts'

export type RelistReason = 'first' | 'expired' | 'broken' | 'periodic'

export interface CacheMetrics {
  relisted(resource: string, reason: RelistReason): void
  /** Changes that a list showed and the watch before it did not. */
  missed(resource: string, count: number): void
  watchEnded(resource: string, how: 'end' | 'error'): void
  handlerFailed: () => void
}

export function createCacheMetrics(registry: Registry, objects: () => number): CacheMetrics {
  const registers = [registry]
  const relists = new Counter({
    name: 'logstash_link_kube_relists_total',
    help: 'Lists that began or renewed what a watch keeps, by what made them necessary',
    labelNames: ['resource', 'reason'],
    registers,
  })
  const missed = new Counter({
    name: 'logstash_link_kube_missed_changes_total',
    help: 'Changes that a list showed and the watch before it had not told; deletions in the moment between both count too',
    labelNames: ['resource'],
    registers,
  })
  const ended = new Counter({
    name: 'logstash_link_kube_watch_ends_total',
    help: 'Watches that ended, in good order or by an error',
    labelNames: ['resource', 'how'],
    registers,
  })
  const failed = new Counter({
    name: 'logstash_link_kube_handler_failures_total',
    help: 'Handlers of watch events that threw',
    registers,
  })
  const gauge: Gauge = new Gauge({
    name: 'logstash_link_kube_cached_objects',
    help: 'Objects that are kept of all watches',
    registers,
    collect: () => gauge.set(objects()),
  })
  return {
    relisted: (resource, reason) => relists.inc({ resource, reason }),
    missed: (resource, count) => missed.inc({ resource }, count),
    watchEnded: (resource, how) => ended.inc({ resource, how }),
    handlerFailed: () => failed.inc(),
  }
}
