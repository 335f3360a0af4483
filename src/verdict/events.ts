/** Events to emit: only where a condition changed, so that a quiet link makes none. */
import type { Condition } from '../api/link.ts'

export interface LinkEvent {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
}

/** Ready repeats the others and makes an event only when it comes to hold; what is Unknown or not needed makes none. */
export function eventsOf(
  before: readonly Condition[] | undefined,
  after: readonly Condition[],
): LinkEvent[] {
  return after.flatMap((condition): LinkEvent[] => {
    const { type, status, reason, message } = condition
    const previous = before?.find((each) => each.type === type)
    if (previous?.status === status && previous.reason === reason) return []
    if (status === 'False' && type !== 'Ready') return [{ type: 'Warning', reason, message }]
    const holds = status === 'True' && reason !== 'NotNeeded' && previous?.status !== 'True'
    return holds ? [{ type: 'Normal', reason, message }] : []
  })
}
