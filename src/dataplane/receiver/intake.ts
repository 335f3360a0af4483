/**
 * One request from its head to its answer:
 *
 *   head ─ checks ─▶ body ─ budget ─▶ events ─▶ batches.ts ─▶ answer
 *     └ 401 405 413 415   └ 413 429     └ 400 413
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiverLimits } from '../../api/sidecar-config.ts'
import type { Log } from '../../telemetry/log.ts'
import type { LimitHits } from '../limit-hits.ts'
import type { Time } from '../time.ts'
import { sendAnswer, type Answer } from './answer.ts'
import { createBatches, type Waiting } from './batches.ts'
import type { Budget } from './budget.ts'
import { checkHead } from './checks.ts'
import type { Credentials } from './credentials.ts'
import type { Delivery } from './delivery.ts'
import type { ReceiverLimit, ReceiverMetrics } from './metrics.ts'
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
  hit: LimitHits<ReceiverLimit>
  log: Log
  time: Time
  /** Milliseconds in which nothing of a body may come, before its connection is closed. */
  stall: number
}

/** A body that will not be taken is read on up to this, to keep the connection. */
const maxUnread = 2 ** 30

export function createIntake(dependencies: IntakeDependencies): Intake {
  const { limits, credentials, delivery, budget, metrics, hit, log, time, stall } = dependencies
  const batches = createBatches({ delivery, metrics, log, time })
  const running = new Set<Promise<unknown>>()
  let stopping = false
  const answers: Record<string, number> = {}

  function reply(response: ServerResponse, answer: Answer, close: boolean): void {
    metrics.requests.inc({ code: answer.status })
    answers[answer.status] = (answers[answer.status] ?? 0) + 1
    sendAnswer(response, answer, close || stopping)
  }

  async function answerOf(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Answer | undefined> {
    const lease = budget.lease(Number(request.headers['content-length'] ?? 0))
    const taken = await takeBody(request, lease, limits(), { now: time.date, stall, hit })
    if (!('body' in taken)) {
      lease.release()
      return 'answer' in taken ? taken.answer : undefined
    }
    const { mark, body } = taken
    metrics.receivedBytes.inc(body.received)
    metrics.inflatedBytes.inc(body.inflated)
    return batches.answer({ mark, body }, lease, waitingFor(response))
  }

  return {
    get undelivered() {
      return batches.undelivered
    },
    async idle() {
      do {
        await Promise.allSettled(running)
        await batches.idle()
      } while (running.size > 0)
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
    const early = checkHead({ method, headers }, { judge, maxRequest: limits().maxRequest, hit })
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

function waitingFor(response: ServerResponse): Waiting {
  return {
    onGone(call) {
      response.once('close', call)
      // Gone between the end of the body and now.
      if (response.closed) queueMicrotask(call)
      return () => response.removeListener('close', call)
    },
  }
}
