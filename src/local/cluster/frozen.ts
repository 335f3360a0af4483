/** Objects are stored and handed out frozen, so that nobody shares state with the cluster or with another reader. */
import { isMap } from './list-types.ts'

export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const below of Object.values(value)) frozen(below)
  return Object.freeze(value)
}

/** A copy as JSON would carry it. */
export function copyOf<T>(value: T): T
export function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => copyOf(item ?? null))
  if (value instanceof Date) return value.toISOString()
  if (!isMap(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      field === undefined ? [] : [[name, copyOf(field)]],
    ),
  )
}
