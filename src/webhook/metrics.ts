import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../telemetry/metrics.ts'

/**
 * injected: with a patch. skipped: a link wanted a sidecar and the pod gets none. untouched: nothing was wanted, or was there
 * already. failed: a fault of ours, the pod passes as it is. refused: no AdmissionReview. unsynced: links are not known yet.
 */
export type Outcome = 'injected' | 'skipped' | 'untouched' | 'failed' | 'refused' | 'unsynced'

export interface WebhookMetrics {
  answered(outcome: Outcome): void
  took(seconds: number): void
  handshakeFailed(): void
}

/** @param certificateExpiry seconds since 1970, of the leaf that is served */
export function createWebhookMetrics(
  registry: Registry,
  certificateExpiry: () => number | undefined,
): WebhookMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'logstash_link_webhook_requests_total',
    help: 'Admission requests by outcome; none of them refuses a pod',
    labelNames: ['outcome'],
    registers,
  })
  const duration = new Histogram({
    name: 'logstash_link_webhook_request_duration_seconds',
    help: 'Time from the head of an admission request to the end of its answer',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const handshakes = new Counter({
    name: 'logstash_link_webhook_handshake_failures_total',
    help: 'TLS handshakes with the webhook that failed',
    registers,
  })
  const expiry: Gauge = new Gauge({
    name: 'logstash_link_webhook_certificate_expiry_timestamp_seconds',
    help: 'End of the validity of the certificate that the webhook serves with',
    registers,
    collect: () => {
      const seconds = certificateExpiry()
      if (seconds !== undefined) expiry.set(seconds)
    },
  })
  return {
    answered: (outcome) => requests.inc({ outcome }),
    took: (seconds) => duration.observe(seconds),
    handshakeFailed: () => handshakes.inc(),
  }
}
