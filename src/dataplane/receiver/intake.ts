/**
 * One request from its head to its answer:
 *
 *   head ─ checks ─▶ body ─ budget ─▶ events ─▶ known? ─▶ delivery ─▶ 200
 *     └ 401 405 413 415   └ 413 429     └ 400 413  └ 200    └ 429 503, or 503 when it takes too long; it goes on then
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiverLimits } from '../../api/sidecar-config.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Body } from '../http/body.ts'
import { countOf } from '../wire/runs.ts'
import { accepted, sendAnswer, unavailable, type Answer } from './answer.ts'
import type { Budget, Lease } from './budget.ts'
import { checkHead } from './checks.ts'
import type { Credentials } from './credentials.ts'
import type { Delivery } from './delivery.ts'
import { createDuplicates, type Mark } from './duplicates.ts'
import type { ReceiverMetrics } from './metrics.ts'
import { takeBody } from './take-body.ts'

export interface Intake {
  /** `expects`: the sender waits for "100 Continue" before it sends the body. */
  handle(
    this: void,
    request: IncomingMessage,
    response: ServerResponse,
    expects: boolean,
  ): Promise<void>
  /** Events that are being delivered. */
  readonly undelivered: number
  /** Resolves when no request is under way and no delivery. */
  idle(): Promise<void>
  /** Since the start: answers by status code. */
  totals(): { answers: Record<string, number> }
  /** From now on every answer ends its connection. */
  stop(): void
}

export interface IntakeDependencies {
  limits: () => ReceiverLimits
  /** Undefined where no authentication is asked for. */
  credentials: () => Credentials | undefined
  delivery: () => Delivery
  budget: Budget
  metrics: ReceiverMetrics
  log: Log
  now: () => Date
  /** Milliseconds in which nothing of a body may come, before its connection is closed. */
  stall: number
}

/** From the end of the body on: just under the 10 s after which a real output gives up waiting. */
const answerTimeout = 9500
/** A body that will not be taken is read on up to this, to keep the connection. */
const maxUnread = 2 ** 30

export function createIntake(dependencies: IntakeDependencies): Intake {
  const { limits, credentials, delivery, budget, metrics, log, now, stall } = dependencies
  const duplicates = createDuplicates<Answer>()
  const running = new Set<Promise<unknown>>()
  let undelivered = 0
  let stopping = false
  const answers: Record<string, number> = {}

  function reply(response: ServerResponse, answer: Answer, close: boolean): void {
    metrics.requests.inc({ code: answer.status })
    answers[answer.status] = (answers[answer.status] ?? 0) + 1
    sendAnswer(response, answer, close || stopping)
  }

  /** Begins a delivery that outlives the request's patience; the lease is held until its end. */
  function begin(mark: Mark, work: () => Promise<Answer>, lease: Lease): Promise<Answer> {
    const result = work()
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

  async function answerOf(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Answer | undefined> {
    const lease = budget.lease(Number(request.headers['content-length'] ?? 0))
    const taken = await takeBody(request, lease, limits(), { now, stall })
    if (!('body' in taken)) {
      lease.release()
      return 'answer' in taken ? taken.answer : undefined
    }
    const { mark, body } = taken
    metrics.receivedBytes.inc(body.received)
    metrics.inflatedBytes.inc(body.inflated)
    if (duplicates.delivered(mark)) {
      lease.release()
      metrics.duplicates.inc({ how: 'delivered' })
      return accepted
    }
    let result = duplicates.underWay(mark)
    if (result === undefined) result = begin(mark, () => hand(body), lease)
    else {
      lease.release()
      metrics.duplicates.inc({ how: 'joined' })
    }
    const answer = await firstOf(result, response)
    if (answer !== undefined) return answer
    duplicates.abandon(mark, result)
    return unavailable('The events are not delivered yet')
  }

  async function hand({ events, oversized }: Body): Promise<Answer> {
    const count = countOf(events) + oversized.length
    if (count === 0) return accepted
    undelivered += count
    try {
      return await delivery().deliver(events, oversized)
    } finally {
      undelivered -= count
    }
  }

  return {
    get undelivered() {
      return undelivered
    },
    async idle() {
      while (running.size > 0) await Promise.allSettled(running)
    },
    totals: () => ({ answers: { ...answers } }),
    stop() {
      stopping = true
    },
    handle(request, response, expects) {
      const handled = handle(request, response, expects).finally(() => running.delete(handled))
      running.add(handled)
      return handled
    },
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    expects: boolean,
  ): Promise<void> {
    // A connection that breaks while it is answered ends by itself; the batch is sent again.
    response.on('error', (error) => log.debug({ err: error }, 'An answer could not be sent'))
    const { method = 'GET', headers } = request
    const judge = credentials()?.judge
    const early = checkHead({ method, headers }, { judge, maxRequest: limits().maxRequest })
    if (early !== undefined) {
      // Who waits for 100 will not send the body, so what comes next would be taken for it.
      const close = expects || Number(headers['content-length'] ?? 0) > maxUnread
      return reply(response, early, close)
    }
    if (expects) response.writeContinue()
    const answer = await answerOf(request, response)
    if (answer === undefined) return
    reply(response, answer, false)
  }
}

/**
 * Undefined when it takes too long, or when the other side goes away. The delivery goes on then, and the same batch,
 * sent again, joins it.
 */
function firstOf(result: Promise<Answer>, response: ServerResponse): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    function end(answer?: Answer): void {
      clearTimeout(timer)
      response.removeListener('close', gone)
      resolve(answer)
    }
    const gone = (): void => end()
    const timer = setTimeout(end, answerTimeout)
    response.once('close', gone)
    // Gone between the end of the body and now.
    if (response.closed) end()
    void result.then(end)
  })
}
