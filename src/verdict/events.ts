/** Events to emit: only where a condition changed, so that a quiet link makes none. */
import type { Condition } from '../api/link.ts'
import { clipped } from './finding.ts'

export interface LinkEvent {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
}

/** What every link goes through on its way, and leaves by itself. */
const passing: readonly string[] = ['Issuing', 'NotReady', 'WebhookNotReady']
/** What the API server takes as an event's note. */
const maxMessage = 1024

/** Ready repeats the others and makes an event only when it comes to hold; what is Unknown or not needed makes none. */
export function eventsOf(
  before: readonly Condition[] | undefined,
  after: readonly Condition[],
): LinkEvent[] {
  return after.flatMap((condition): LinkEvent[] => {
    const { type, status, reason } = condition
    const message = clipped(condition.message, maxMessage)
    const previous = before?.find((each) => each.type === type)
    if (previous?.status === status && previous.reason === reason) return []
    if (passing.includes(reason)) return []
    if (status === 'False' && type !== 'Ready') return [{ type: 'Warning', reason, message }]
    const holds = status === 'True' && reason !== 'NotNeeded' && previous?.status !== 'True'
    return holds ? [{ type: 'Normal', reason, message }] : []
  })
}
