import { inspect } from 'node:util'

/** A value as messages show it: JSON where it is JSON, cut to a length that still fits a line. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : asText(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

/** YAML can make values that contain themselves, which JSON cannot say; nor can it say functions and bigints. */
function asText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? inspect(value)
  } catch {
    return inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 2 })
  }
}
