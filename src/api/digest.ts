/** Digests of plain data, the same for equal data whatever the order of its keys. */
import { hash } from 'node:crypto'

/** 16 hex digits of SHA-256 over the data as JSON with sorted keys; fields that are undefined count as absent. */
export function digestOf(data: unknown): string {
  return hash('sha256', canonicalJson(data) ?? 'null', 'hex').slice(0, 16)
}

/** JSON with the keys of every object sorted; undefined where JSON has nothing for it. */
function canonicalJson(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return JSON.stringify(data)
  if (Array.isArray(data)) return `[${data.map((item) => canonicalJson(item) ?? 'null').join(',')}]`
  const record = data as Record<string, unknown>
  let fields = ''
  for (const key of Object.keys(record).toSorted()) {
    const value = canonicalJson(record[key])
    if (value === undefined) continue
    fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${value}`
  }
  return `{${fields}}`
}
