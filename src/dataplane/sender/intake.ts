/**
 * The one door through which collected events come into the queue, and the one account of bytes: events in the queue,
 * compressed bodies on their way, and what collectors hold that is no whole event yet.
 */
import type { Queue, Settled } from '../queue/queue.ts'
import type { Time } from '../time.ts'
import type { Events } from '../wire/events.ts'

/** Whoever waits for the end of what it committed. */
export interface Ticket {
  /** Called once: `done` when all is delivered or dead-lettered, `dropped` when some of it no longer can be. */
  settle(result: 'done' | 'dropped'): void
}

export interface Intake {
  /** All or nothing. False: there is no room now. */
  offer(events: readonly Events[], ticket?: Ticket): boolean
  /** Resolves once all of them are safe, false when there is no room now. */
  safe(events: Events): Promise<boolean>
  /** May a collector read on, that holds `own` bytes already? One that is alone always may, however large. */
  mayRead(own: number): boolean
  /**
   * The same for a stream, which nobody acknowledges: while events are delivered it reads only a little ahead, so that a
   * crash loses little and memory stays free; when nothing is delivered the whole queue is its buffer.
   */
  mayStream(own: number): boolean
  /** True when no delivery can make room, since all memory is held by what collectors have not finished. */
  isStuck(): boolean
  /** Counts bytes that a collector holds; negative gives them back. */
  hold(bytes: number): void
  /** Resolves when room may have come. */
  room(): Promise<void>
  /** Gives up what is not sent of a ticket's events; its answer is the number of events. */
  withdraw(ticket: Ticket): number
  /** Passes on what the queue says, and wakes those who wait for room. */
  settled(settled: Settled<Ticket>): void
  heldBytes(): number
  /** Lets all who wait look again. */
  wake(): void
}

export interface IntakeDeps {
  queue: Queue<Ticket>
  memoryLimit: () => number
  time: Time
  /** Are events being delivered these days? */
  flows: () => boolean
  release: Parameters<Queue<Ticket>['withdraw']>[1]
  onCollected(events: number): void
  onDropped(events: number): void
  onWithdrawn(events: number): void
  /** Events found no room. */
  onFull?(): void
  /** There is something new to send. */
  onCommitted(): void
}

const readAhead = 8 * 2 ** 20

export function createIntake(deps: IntakeDeps): Intake {
  const { queue } = deps
  let held = 0
  let waiting: (() => void)[] = []

  function total(): number {
    return queue.totals().memoryBytes + held
  }

  function wake(): void {
    const woken = waiting
    waiting = []
    for (const resolve of woken) resolve()
  }

  function offer(events: readonly Events[], ticket?: Ticket): boolean {
    const { result, dropped, settled } = queue.commit(events, deps.time.now(), ticket)
    if (dropped > 0) deps.onDropped(dropped)
    tell(settled)
    if (result === 'full') {
      deps.onFull?.()
      return false
    }
    deps.onCollected(events.reduce((sum, { count }) => sum + count, 0))
    deps.onCommitted()
    return true
  }

  return {
    offer,
    safe: (events) =>
      new Promise((resolve) => {
        const isTaken = offer([events], { settle: (result) => resolve(result === 'done') })
        if (!isTaken) resolve(false)
      }),
    mayRead(own) {
      const used = total()
      return used < deps.memoryLimit() || used === own
    },
    mayStream(own) {
      const used = total()
      const isAhead = queue.totals().unsafeBytes >= readAhead && deps.flows()
      return !isAhead && (used < deps.memoryLimit() || used === own)
    },
    isStuck: () => queue.totals().events === 0 && held >= deps.memoryLimit(),
    hold(bytes) {
      held += bytes
      if (bytes < 0) wake()
    },
    room: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
      }),
    withdraw(ticket) {
      const events = queue.withdraw(ticket, deps.release)
      if (events > 0) deps.onWithdrawn(events)
      wake()
      return events
    },
    settled(settled) {
      tell(settled)
      wake()
    },
    heldBytes: () => held,
    wake,
  }
}

function tell({ done, dropped }: Settled<Ticket>): void {
  for (const ticket of done) ticket.settle('done')
  for (const ticket of dropped) ticket.settle('dropped')
}
