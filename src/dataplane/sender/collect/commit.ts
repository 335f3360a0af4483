/**
 * Events of which somebody waits to hear that they are safe: room is waited for, then their delivery or, with a queue on
 * disk, their commit.
 *
 *   offer ── no room for `room` ms ─▶ full: nothing taken
 *     └─ taken ── safe ─▶ done
 *           └─ not within `delivery` ms, or dropped ─▶ undone: what is not sent is withdrawn, the rest may arrive yet
 */
import type { Time } from '../../time.ts'
import type { Events } from '../../wire/events.ts'
import type { Intake, Ticket } from '../intake.ts'
import type { Timeouts } from '../timeouts.ts'

export interface Committing {
  /** `taken` is called once the events are in the queue. */
  commit(events: readonly Events[], taken: () => void): Promise<'done' | 'undone' | 'full'>
  /** Resolves with true when room may have come, with false once the time `until` has. */
  roomWithin(until: number): Promise<boolean>
  /** All that is waited for counts as undone. */
  end(): void
}

export function createCommitting(deps: {
  intake: Intake
  timeouts: Pick<Timeouts, 'room' | 'delivery'>
  time: Time
}): Committing {
  const { intake, timeouts, time } = deps
  const open = new Set<Ticket>()

  async function roomWithin(until: number): Promise<boolean> {
    const left = until - time.now()
    if (left <= 0) return false
    let callOff: (() => void) | undefined
    const late = new Promise<void>((resolve) => {
      callOff = time.after(left, resolve)
    })
    await Promise.race([intake.room(), late])
    callOff?.()
    return true
  }

  async function settled(ticket: Ticket, result: Promise<'done' | 'dropped'>): Promise<boolean> {
    open.add(ticket)
    const callOff = time.after(timeouts.delivery, () => ticket.settle('dropped'))
    const outcome = await result
    callOff()
    open.delete(ticket)
    if (outcome === 'done') return true
    intake.withdraw(ticket)
    return false
  }

  return {
    roomWithin,
    async commit(events, taken) {
      const { ticket, result } = createTicket()
      const since = time.now()
      while (!intake.offer(events, ticket)) {
        if (!(await roomWithin(since + timeouts.room))) return 'full'
      }
      taken()
      return (await settled(ticket, result)) ? 'done' : 'undone'
    },
    end() {
      for (const ticket of open) ticket.settle('dropped')
    },
  }
}

function createTicket(): { ticket: Ticket; result: Promise<'done' | 'dropped'> } {
  const { promise, resolve } = Promise.withResolvers<'done' | 'dropped'>()
  return { ticket: { settle: resolve }, result: promise }
}
