/** How events reach the application, whatever stands behind it. */
import type { Events } from '../../wire/events.ts'

export type DeliveryResult =
  /** The application has them, as safe as its kind of target can be. */
  | { outcome: 'delivered' }
  /** It says that the events themselves are at fault: 400, 413, 415, 422. */
  | { outcome: 'refused'; reason: string }
  /** It asks for a pause. */
  | { outcome: 'busy'; retryAfterSeconds: number }
  /** Anything else: at fault is the way or the application, not the events. */
  | { outcome: 'failed'; reason: string }

export interface Deliverer {
  /**
   * Never rejects. `deadline` is a time of performance.now(); a result may come after it only where what was begun
   * cannot be called back (a write to a pipe that nobody reads).
   */
  deliver(events: Events, deadline: number): Promise<DeliveryResult>
  /** After what is under way. */
  close(): Promise<void>
}

export const delivered: DeliveryResult = { outcome: 'delivered' }

export function failed(reason: string): DeliveryResult {
  return { outcome: 'failed', reason }
}

export const outOfTime: DeliveryResult = failed('no answer in time')
