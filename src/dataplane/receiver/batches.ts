/**
 * A batch whose bytes came whole, to its answer:
 *
 *   known? ─▶ delivery ─▶ 200
 *     └ 200       └ 429 503, or 503 when it takes too long; the delivery goes on then
 */
import type { Log } from '../../telemetry/log.ts'
import type { Body } from '../http/body.ts'
import type { Time } from '../time.ts'
import { countOf } from '../wire/runs.ts'
import { accepted, unavailable, type Answer } from './answer.ts'
import type { Lease } from './budget.ts'
import type { Delivery } from './delivery.ts'
import { createDuplicates, type Mark } from './duplicates.ts'
import type { ReceiverMetrics } from './metrics.ts'

export interface Batches {
  /** Never rejects. The lease is given back once nothing of the body is held any more. */
  answer(taken: { mark: Mark; body: Body }, lease: Lease, waiting: Waiting): Promise<Answer>
  /** Events that are being delivered. */
  readonly undelivered: number
  /** Resolves when nothing is being delivered. */
  idle(): Promise<void>
}

/** Whoever waits for the answer. */
export interface Waiting {
  /** Calls once when nobody waits any more, never before it returned; what it answers with calls it off. */
  onGone(call: () => void): () => void
}

export interface BatchesDependencies {
  delivery: () => Delivery
  metrics: Pick<ReceiverMetrics, 'duplicates' | 'wrongKeys'>
  log: Log
  time: Time
}

/** From the end of the body on: just under the 10 s after which a real output gives up waiting. */
const answerTimeout = 9500

export function createBatches({ delivery, metrics, log, time }: BatchesDependencies): Batches {
  const duplicates = createDuplicates<Answer>()
  const running = new Set<Promise<unknown>>()
  let undelivered = 0
  let wrongKeys = 0

  /**
   * A key whose range has not as many numbers as the body has events is not its sender's own: remembered, it would
   * answer 200 to other events that never came. Such a batch is known by nothing.
   */
  function believed({ mark, body }: { mark: Mark; body: Body }): Mark {
    if (!('key' in mark)) return mark
    const { senderId, first, last } = mark.key
    const events = eventsOf(body)
    if (last - first + 1 === events) return mark
    metrics.wrongKeys.inc()
    wrongKeys += 1
    if (wrongKeys === 1) {
      log.warn(
        { senderId, first, last, events },
        'A batch key does not fit the number of events: it is not used, and more such are only counted',
      )
    }
    return { digest: `wrong key ${wrongKeys}` }
  }

  /** Begins a delivery that outlives the request's patience; the lease is held until its end. */
  function begin(mark: Mark, body: Body, lease: Lease): Promise<Answer> {
    const result = hand(body)
      .then((answer) => {
        if (answer === accepted) duplicates.remember(mark)
        return answer
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'A request failed inside the receiver')
        return unavailable('The receiver failed')
      })
      .finally(() => {
        lease.release()
        running.delete(result)
      })
    running.add(result)
    duplicates.begin(mark, result)
    return result
  }

  async function hand({ events, oversized }: Body): Promise<Answer> {
    const count = eventsOf({ events, oversized })
    if (count === 0) return accepted
    undelivered += count
    try {
      return await delivery().deliver(events, oversized)
    } finally {
      undelivered -= count
    }
  }

  /**
   * Undefined when it takes too long, or when the other side goes away. The delivery goes on then, and the same batch,
   * sent again, joins it.
   */
  function firstOf(result: Promise<Answer>, waiting: Waiting): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      function end(answer?: Answer): void {
        callOff()
        stopWaiting()
        resolve(answer)
      }
      const callOff = time.after(answerTimeout, end)
      const stopWaiting = waiting.onGone(end)
      void result.then(end)
    })
  }

  return {
    get undelivered() {
      return undelivered
    },
    async idle() {
      while (running.size > 0) await Promise.allSettled(running)
    },
    async answer(taken, lease, waiting) {
      const { body } = taken
      const mark = believed(taken)
      if (duplicates.delivered(mark)) {
        lease.release()
        metrics.duplicates.inc({ how: 'delivered' })
        return accepted
      }
      let result = duplicates.underWay(mark)
      if (result === undefined) result = begin(mark, body, lease)
      else {
        lease.release()
        metrics.duplicates.inc({ how: 'joined' })
      }
      const answer = await firstOf(result, waiting)
      if (answer !== undefined) return answer
      duplicates.abandon(mark, result)
      return unavailable('The events are not delivered yet')
    },
  }
}

function eventsOf({ events, oversized }: Pick<Body, 'events' | 'oversized'>): number {
  return countOf(events) + oversized.length
}
