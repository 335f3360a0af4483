/** What a check finds: one condition, still without times. */
import type { ConditionStatus, ConditionType, Reason } from '../api/conditions.ts'
import type { ObjectKey } from '../api/objects.ts'

export interface Finding<T extends ConditionType> {
  status: ConditionStatus
  reason: Reason<T>
  /** Sentences that a stranger can act on. Sorted, and without numbers that change by themselves. */
  message: string
}

/** Of whichever condition. */
export type AnyFinding = { [T in ConditionType]: Finding<T> }[ConditionType]

/** Something about one object, as plan and apply report it. */
export interface Problem {
  key: ObjectKey
  message: string
}

/** What the cluster refused to write. */
export interface Refusal extends Problem {
  reason: 'Invalid' | 'Forbidden'
}

/** How many of a list a message names. */
const shown = 5

/** `a, b and 3 more`, sorted. */
export function namesOf(items: readonly string[]): string {
  const sorted = items.toSorted()
  const more = sorted.length - shown
  if (more <= 0) return sorted.join(', ')
  return `${sorted.slice(0, shown).join(', ')} and ${more} more`
}

export function plural(count: number, one: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${one}s`
}

/** A text of at most so many characters. */
export function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
