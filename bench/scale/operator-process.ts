/** What the operator's process costs, and what it says of itself. */
import { readFileSync } from 'node:fs'

export interface Cost {
  /** MiB, now and at most since it started. */
  rss: number
  peakRss: number
  /** Seconds of CPU since it started. */
  cpu: number
}

const ticksPerSecond = 100

/** Of a process of this machine, from /proc. */
export function costOf(pid: number): Cost {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN)
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  return {
    rss: Math.round(kib('VmRSS') / 1024),
    peakRss: Math.round(kib('VmHWM') / 1024),
    cpu: (user + system) / ticksPerSecond,
  }
}

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** All samples of /metrics. */
export async function readMetrics(url: string): Promise<Sample[]> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return text.split('\n').flatMap((line) => {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (found === null) return []
    const [, name = '', labels = '', value = ''] = found
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])
    return [
      { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) },
    ]
  })
}

/** Sums of the samples of one name, by the labels named. */
export function totals(
  samples: readonly Sample[],
  name: string,
  by: readonly string[],
): Map<string, number> {
  const sums = new Map<string, number>()
  for (const sample of samples) {
    if (sample.name !== name) continue
    const key = by.map((label) => sample.labels[label] ?? '').join(' ')
    sums.set(key, (sums.get(key) ?? 0) + sample.value)
  }
  return sums
}

export function difference(
  after: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): Record<string, number> {
  const entries = [...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)] as const)
  return Object.fromEntries(
    entries.filter(([, value]) => value !== 0).toSorted((a, b) => b[1] - a[1]),
  )
}
