/** Digests of plain data, the same for equal data whatever the order of its keys. */
import { createHash } from 'node:crypto'

/** 16 hex digits of SHA-256 over the data as JSON with sorted keys; fields that are undefined count as absent. */
export function digestOf(data: unknown): string {
  return createHash('sha256').update(canonicalJson(data)).digest('hex').slice(0, 16)
}

/** JSON with the keys of every object sorted. */
function canonicalJson(data: unknown): string {
  return JSON.stringify(sorted(data)) ?? 'null'
}

function sorted(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(sorted)
  if (typeof data !== 'object' || data === null) return data
  const entries = Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]))
}
