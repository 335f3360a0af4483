/** What arrived downstream, and what is missing of what was sent. */
import { request } from 'undici'
import type { Expected } from './events-file.ts'

export interface IndexerCount {
  pod: string
  events: number
  distinct: number
  batches: number
  maxBatch: number
}

export async function countOf(url: string): Promise<IndexerCount> {
  const { body } = await request(`${url}/count`)
  return (await body.json()) as IndexerCount
}

/** Each distinct event with how often it came to all indexers together. */
export interface Arrived {
  lines: Map<string, number>
  /** Events that a sender made of plain lines, by their message. */
  messages: Map<string, number>
}

export async function arrivedAt(urls: readonly string[]): Promise<Arrived> {
  const arrived: Arrived = { lines: new Map(), messages: new Map() }
  for (const url of urls) {
    const { body } = await request(`${url}/digests`)
    for (const line of (await body.text()).split('\n')) {
      const [times, digest, message] = line.split(' ')
      if (times === undefined || digest === undefined || message === undefined) continue
      add(arrived.lines, digest, Number(times))
      if (message !== '-') add(arrived.messages, message, Number(times))
    }
  }
  return arrived
}

/** How many of those that are expected did not come; what came more often is no loss. */
export function missingOf(expected: Expected, arrived: Arrived): number {
  return shortfall(expected.lines, arrived.lines) + shortfall(expected.messages, arrived.messages)
}

function shortfall(expected: Map<string, number>, arrived: Map<string, number>): number {
  return [...expected].reduce(
    (sum, [digest, times]) => sum + Math.max(0, times - (arrived.get(digest) ?? 0)),
    0,
  )
}

function add(counts: Map<string, number>, key: string, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times)
}
