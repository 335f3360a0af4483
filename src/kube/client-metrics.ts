import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../telemetry/metrics.ts'

export interface ClientMetrics {
  /** `code` is the HTTP status, or `error` where none came. */
  answered(labels: { verb: string; resource: string; code: string }, seconds: number): void
  watchOpened(resource: string): void
  watchClosed(resource: string): void
}

export function createClientMetrics(registry: Registry, sockets: () => number): ClientMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'logstash_link_kube_requests_total',
    help: 'Requests to the API server',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  })
  const duration = new Histogram({
    name: 'logstash_link_kube_request_duration_seconds',
    help: 'Time from a request to the headers of its answer',
    labelNames: ['verb'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const watches = new Gauge({
    name: 'logstash_link_kube_watches',
    help: 'Watches that are open now',
    labelNames: ['resource'],
    registers,
  })
  const gauge: Gauge = new Gauge({
    name: 'logstash_link_kube_sockets',
    help: 'Connections to the API server that are open now',
    registers,
    collect: () => gauge.set(sockets()),
  })
  return {
    answered(labels, seconds) {
      requests.inc(labels)
      duration.observe({ verb: labels.verb }, seconds)
    },
    watchOpened: (resource) => watches.inc({ resource }),
    watchClosed: (resource) => watches.dec({ resource }),
  }
}

/** `pods`, or `pods/status`: the resource that a path of the API names. */
export function resourceOfPath(path: string): { resource: string; named: boolean } {
  const parts = path.split('/').filter((part) => part !== '')
  const rest = parts.slice(parts[0] === 'api' ? 2 : parts[0] === 'apis' ? 3 : 0)
  const below = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest
  const [plural = 'other', name, subresource] = below
  if (parts[0] !== 'api' && parts[0] !== 'apis') return { resource: 'other', named: true }
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  return { resource, named: name !== undefined }
}
