/** Metrics of tailed files. Paths are no labels: files come and go, and each name would stay. */
import { Counter, Gauge } from 'prom-client'
import type { Registry } from '../../../../telemetry/metrics.ts'

const rotations = ['renamed', 'truncated', 'replaced', 'copied', 'deleted', 'moved'] as const
export type Rotation = (typeof rotations)[number]

export interface TailNumbers {
  files: number
  open: number
  /** Bytes that are not safe yet. */
  lag: number
  /** Age of what is not safe yet, at least, ms. */
  oldest: number
}

export interface TailMetrics {
  read(this: void, bytes: number): void
  rotated(kind: Rotation): void
  skipped(): void
  limitHit(): void
  lost(bytes: number): void
}

export function createTailMetrics(registry: Registry, numbers: () => TailNumbers): TailMetrics {
  const registers = [registry]
  const rotated = new Counter({
    name: 'logstash_link_sender_file_rotations_total',
    help: 'Rotations of tailed files by what was seen of them',
    labelNames: ['kind'],
    registers,
  })
  for (const kind of rotations) rotated.inc({ kind }, 0)
  const read = counter('bytes', 'Bytes read from tailed files')
  const skipped = counter('skipped', 'Compressed files among the globs, which are not read')
  const limitHits = counter('limit_hits', 'Times that a file waited as too many were there or open')
  const lost = counter('lost_bytes', 'Bytes of files that were gone before they could be read')
  gauge('files', 'Files that are tailed', () => numbers().files)
  gauge('files_open', 'Files among them that are open', () => numbers().open)
  gauge('file_lag_bytes', 'Bytes of tailed files that are not safe yet', () => numbers().lag)
  gauge(
    'file_oldest_seconds',
    'Age of the oldest of these bytes, at least',
    () => numbers().oldest / 1000,
  )

  function counter(name: string, help: string): Counter {
    return new Counter({ name: `logstash_link_sender_file_${name}_total`, help, registers })
  }

  function gauge(name: string, help: string, value: () => number): Gauge {
    return new Gauge({
      name: `logstash_link_sender_${name}`,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }

  return {
    read: (bytes) => read.inc(bytes),
    rotated: (kind) => rotated.inc({ kind }),
    skipped: () => skipped.inc(),
    limitHit: () => limitHits.inc(),
    lost: (bytes) => lost.inc(bytes),
  }
}
