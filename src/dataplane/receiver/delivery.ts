/** A batch on its way to the application, and what is said of it: delivered, dead-lettered, or not. */
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { DeadLetter, DeadLetters } from '../dead-letter/dead-letters.ts'
import type { Time } from '../time.ts'
import type { Events } from '../wire/events.ts'
import type { OversizedLine } from '../wire/lines.ts'
import { accepted, busy, unavailable, type Answer } from './answer.ts'
import type { Deliverer, DeliveryResult } from './deliver/deliverer.ts'
import type { ReceiverMetrics } from './metrics.ts'
import { createSieve } from './poison.ts'

export interface Delivery {
  /** Never rejects, and empties `runs`. 2xx only when every event is with the application or in the dead-letter file. */
  deliver(runs: Events[], oversized: readonly OversizedLine[]): Promise<Answer>
  readonly status: DeliveryStatus
}

interface DeliveryStatus {
  target: string
  ok: boolean
  /** Why the last attempt failed, and since when attempts do. */
  problem?: string
  since?: string
  lastDelivered?: string
}

export interface DeliveryDependencies {
  target: string
  deliverer: Deliverer
  /** Undefined where no folder is set: then events at fault are counted, logged and gone. */
  deadLetters: () => DeadLetters | undefined
  maxLine: () => number
  metrics: ReceiverMetrics
  log: Log
  time: Time
}

/** The application's time for one attempt; a sender waits 10 s. */
const deliveryTimeout = 8000

export function createDelivery(dependencies: DeliveryDependencies): Delivery {
  const { target, deliverer, deadLetters, maxLine, metrics, log, time } = dependencies
  const status: DeliveryStatus = { target, ok: true }
  const sieve = createSieve(step, time.now)
  let undocumented = false

  async function step(events: Events): Promise<DeliveryResult> {
    const begun = time.now()
    const result = await deliverer.deliver(events, begun + deliveryTimeout)
    metrics.deliverySeconds.observe((time.now() - begun) / 1000)
    metrics.deliveries.inc({ outcome: result.outcome })
    if (result.outcome === 'delivered') metrics.events.inc(events.count)
    return result
  }

  function well(): void {
    if (!status.ok) log.info({ target }, 'The application takes events again')
    status.ok = true
    delete status.problem
    delete status.since
    status.lastDelivered = time.date().toISOString()
  }

  function ailing(problem: string): void {
    // Once per cause; how often it happened is in the metrics.
    if (status.problem !== problem) log.error({ target, problem }, 'Events cannot be delivered')
    if (status.ok) status.since = time.date().toISOString()
    status.ok = false
    status.problem = problem
  }

  async function bury(letters: readonly DeadLetter[]): Promise<void> {
    const file = deadLetters()
    if (file !== undefined) return file.keep(letters)
    metrics.deadLettersDropped.inc(letters.length)
    if (undocumented) return
    undocumented = true
    log.error(
      { reason: letters[0]?.reason },
      'An event is at fault and no dead-letter folder is set: it is dropped, and more are only counted',
    )
  }

  return {
    status,
    async deliver(runs, oversized) {
      const poison: DeadLetter[] = []
      if (runs.length > 0) {
        const result = await sieve.deliver(runs)
        if (result.outcome === 'busy') return busy(result.retryAfterSeconds)
        if (result.outcome === 'failed') {
          ailing(result.reason)
          return unavailable('The events cannot be delivered now')
        }
        well()
        poison.push(...result.poison)
      }
      if (oversized.length + poison.length === 0) return accepted
      const reason = `longer than ${maxLine()} bytes`
      const letters = [
        ...poison.map((letter) => ({ ...letter, host: target })),
        ...oversized.map(({ head, length }) => ({ event: head, length, reason })),
      ]
      try {
        await bury(letters)
      } catch (error) {
        // Not kept is not safe: the sender must send the batch again.
        ailing(messageOf(error))
        return unavailable('Events at fault cannot be kept now')
      }
      metrics.deadLetters.inc({ why: 'refused' }, poison.length)
      metrics.deadLetters.inc({ why: 'oversized' }, oversized.length)
      return accepted
    },
  }
}
