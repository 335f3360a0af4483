/** The receiver's metrics; docs/protocol.md explains the answers they count. */
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../../telemetry/metrics.ts'

/** As the settings name them; times are the listener's. */
export type ReceiverLimit =
  | 'memory'
  | 'maxRequest'
  | 'maxDecompressed'
  | 'maxConnections'
  | 'bodyStall'
  | 'requestTime'
  | 'handshakeTime'

export interface ReceiverMetrics {
  limits: Counter<'limit'>
  requests: Counter<'code'>
  events: Counter
  receivedBytes: Counter
  inflatedBytes: Counter
  duplicates: Counter<'how'>
  wrongKeys: Counter
  deliveries: Counter<'outcome'>
  deliverySeconds: Histogram
  deadLetters: Counter<'why'>
  deadLettersDropped: Counter
  refusedConnections: Counter<'why'>
}

/** What is asked for only when somebody looks. */
export interface ReceiverGauges {
  connections: () => number
  budgetBytes: () => number
  undelivered: () => number
  /** Of the leaf that is served; undefined while there is none. */
  certificateExpiry: () => Date | undefined
  /** Whether files of TLS are missing, cannot be taken or are past their time. */
  tlsFileProblem: () => boolean
}

export function createReceiverMetrics(registry: Registry, gauges: ReceiverGauges): ReceiverMetrics {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const value = read()
          // No sample rather than a zero, which would stand for a time.
          if (value === undefined) this.remove()
          else this.set(value)
        },
      }),
    )
  }
  gauge('logstash_link_receiver_connections', 'Open connections', gauges.connections)
  gauge(
    'logstash_link_receiver_budget_used_bytes',
    'Bytes that requests hold, compressed and inflated',
    gauges.budgetBytes,
  )
  gauge(
    'logstash_link_receiver_undelivered_events',
    'Events that are being delivered',
    gauges.undelivered,
  )
  gauge(
    'logstash_link_receiver_certificate_expiry_timestamp_seconds',
    'When the served certificate ends, in seconds since 1970; absent while there is none',
    () => {
      const end = gauges.certificateExpiry()
      return end && end.getTime() / 1000
    },
  )
  gauge(
    'logstash_link_receiver_tls_file_problem',
    '1 while files of TLS are missing, cannot be taken or are past their time, else 0',
    () => Number(gauges.tlsFileProblem()),
  )
  return {
    limits: new Counter({
      name: 'logstash_link_receiver_limits_reached_total',
      help: 'How often something was refused or ended as it reached a limit, by the name of that',
      labelNames: ['limit'],
      registers,
    }),
    requests: new Counter({
      name: 'logstash_link_receiver_requests_total',
      help: 'Requests by the status code of their answer',
      labelNames: ['code'],
      registers,
    }),
    events: new Counter({
      name: 'logstash_link_receiver_events_total',
      help: 'Events delivered to the application',
      registers,
    }),
    receivedBytes: new Counter({
      name: 'logstash_link_receiver_received_bytes_total',
      help: 'Bytes of bodies as they came over the wire',
      registers,
    }),
    inflatedBytes: new Counter({
      name: 'logstash_link_receiver_inflated_bytes_total',
      help: 'Bytes of bodies after decompression',
      registers,
    }),
    duplicates: new Counter({
      name: 'logstash_link_receiver_duplicate_batches_total',
      help: 'Batches that came again: answered from memory, or joined to a delivery under way',
      labelNames: ['how'],
      registers,
    }),
    wrongKeys: new Counter({
      name: 'logstash_link_receiver_wrong_batch_keys_total',
      help: 'Batches whose key did not fit the number of their events, and was not used',
      registers,
    }),
    deliveries: new Counter({
      name: 'logstash_link_receiver_deliveries_total',
      help: 'Attempts to hand a batch or a part of it to the application, by their outcome',
      labelNames: ['outcome'],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'logstash_link_receiver_delivery_seconds',
      help: 'How long such an attempt took',
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 8],
      registers,
    }),
    deadLetters: new Counter({
      name: 'logstash_link_receiver_dead_letters_total',
      help: 'Events that are at fault themselves: refused by the application, or over the limit',
      labelNames: ['why'],
      registers,
    }),
    deadLettersDropped: new Counter({
      name: 'logstash_link_receiver_dead_letters_dropped_total',
      help: 'Dead letters that made room for newer ones, or had no file to go to',
      registers,
    }),
    refusedConnections: new Counter({
      name: 'logstash_link_receiver_refused_connections_total',
      help: 'Connections that came to nothing: over the limit, failed TLS, or no HTTP',
      labelNames: ['why'],
      registers,
    }),
  }
}
