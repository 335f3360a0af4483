/** Metrics of the sender. Hosts are no labels: pods come and go, and each address would stay; /status names them. */
import { Counter, Gauge, Histogram, type Registry as PromRegistry } from 'prom-client'
import type { Registry } from '../../telemetry/metrics.ts'
import type { QueueTotals } from '../queue/queue.ts'

const eventResults = [
  'collected',
  'delivered',
  'dead_lettered',
  'dropped',
  'withdrawn',
  'oversized',
  'damaged',
  'dead_letters_dropped',
] as const
const requestResults = ['delivered', 'paused', 'refused', 'failed', 'reset'] as const

export interface SenderMetrics {
  events(result: (typeof eventResults)[number], count: number): void
  request(result: (typeof requestResults)[number]): void
  retried(): void
  /** Bytes of delivered events before compression. */
  sent(bytes: number): void
  /** Bytes of a compressed body that went to a host. */
  wire(bytes: number): void
  took(ms: number): void
  /** A group of events came to the disk. */
  synced(ms: number): void
  /** A damaged part of the queue on disk was found. */
  corrupt(): void
  /** Events were not taken, as there was no room. */
  full(): void
}

export function createSenderMetrics(
  registry: Registry,
  read: {
    /** Undefined until the queue is open. */
    totals: () => Pick<QueueTotals, 'events' | 'bytes' | 'oldest'> | undefined
    heldBytes: () => number
    /** Undefined for a queue in memory. */
    disk?: () => { bytes: number; segments: number; pendingEvents: number } | undefined
    inFlight: () => number
    /** Of the sender's own certificate; undefined without one. */
    certificateExpiry: () => Date | undefined
    /** Whether files of TLS are missing, cannot be taken or are past their time. */
    tlsFileProblem: () => boolean
    now: () => number
  },
): SenderMetrics {
  const registers: PromRegistry[] = [registry]
  const events = new Counter({
    name: 'logstash_link_sender_events_total',
    help: 'Events by what became of them',
    labelNames: ['result'],
    registers,
  })
  for (const result of eventResults) events.inc({ result }, 0)
  const requests = new Counter({
    name: 'logstash_link_sender_requests_total',
    help: 'Requests to hosts by their end',
    labelNames: ['result'],
    registers,
  })
  for (const result of requestResults) requests.inc({ result }, 0)
  const retries = new Counter({
    name: 'logstash_link_sender_retries_total',
    help: 'Batches, or parts of them, that had to be sent again',
    registers,
  })
  const rawBytes = new Counter({
    name: 'logstash_link_sender_event_bytes_total',
    help: 'Bytes of delivered events before compression',
    registers,
  })
  const wireBytes = new Counter({
    name: 'logstash_link_sender_wire_bytes_total',
    help: 'Bytes of compressed bodies that were sent, retries included',
    registers,
  })
  const duration = new Histogram({
    name: 'logstash_link_sender_delivery_seconds',
    help: 'Time from the start of a delivered request to its answer',
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 3, 10],
    registers,
  })
  const syncs = new Histogram({
    name: 'logstash_link_sender_queue_sync_seconds',
    help: 'Time until a group of events was on the disk',
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5],
    registers,
  })
  const corrupt = new Counter({
    name: 'logstash_link_sender_queue_corrupt_total',
    help: 'Damaged parts of the queue on disk, which are set aside',
    registers,
  })
  const full = new Counter({
    name: 'logstash_link_sender_queue_full_total',
    help: 'Refusals of events, as the queue was full or its disk took nothing',
    registers,
  })
  gauge(
    'queue_disk_bytes',
    'Bytes of the files of the queue; absent for a queue in memory',
    () => read.disk?.()?.bytes,
  )
  gauge(
    'queue_segments',
    'Files of the queue; absent for a queue in memory',
    () => read.disk?.()?.segments,
  )
  gauge(
    'queue_pending_events',
    'Events that are not on the disk yet; absent for a queue in memory',
    () => read.disk?.()?.pendingEvents,
  )
  gauge('queue_events', 'Events not acknowledged yet', () => read.totals()?.events)
  gauge('queue_bytes', 'Bytes of these events', () => read.totals()?.bytes)
  gauge('held_bytes', 'Bytes in unfinished lines, requests and compressed bodies', read.heldBytes)
  gauge('in_flight_requests', 'Batches at hosts', read.inFlight)
  gauge('oldest_event_seconds', 'Age of the oldest event not acknowledged yet', () => {
    const oldest = read.totals()?.oldest
    return oldest === undefined ? 0 : (read.now() - oldest) / 1000
  })
  gauge(
    'certificate_expiry_timestamp_seconds',
    "When the sender's own certificate ends, in seconds since 1970; absent while there is none",
    () => {
      const end = read.certificateExpiry()
      return end && end.getTime() / 1000
    },
  )
  gauge(
    'tls_file_problem',
    '1 while files of TLS are missing, cannot be taken or are past their time, else 0',
    () => Number(read.tlsFileProblem()),
  )

  function gauge(name: string, help: string, value: () => number | undefined): Gauge {
    return new Gauge({
      name: `logstash_link_sender_${name}`,
      help,
      registers,
      collect() {
        const now = value()
        // No sample rather than a zero, which would stand for a time.
        if (now === undefined) this.remove()
        else this.set(now)
      },
    })
  }

  return {
    events: (result, count) => events.inc({ result }, count),
    request: (result) => requests.inc({ result }),
    retried: () => retries.inc(),
    sent: (bytes) => rawBytes.inc(bytes),
    wire: (bytes) => wireBytes.inc(bytes),
    took: (ms) => duration.observe(ms / 1000),
    synced: (ms) => syncs.observe(ms / 1000),
    corrupt: () => corrupt.inc(),
    full: () => full.inc(),
  }
}
