/** Our receiver, from the bytes of a request that came to its answer; sockets and decompression are left out. */
import { accepted, type Answer } from '../../src/dataplane/receiver/answer.ts'
import { createBatches, type Batches } from '../../src/dataplane/receiver/batches.ts'
import { createBudget, type Budget } from '../../src/dataplane/receiver/budget.ts'
import { deliverByPosts } from '../../src/dataplane/receiver/deliver/posts.ts'
import { createDelivery } from '../../src/dataplane/receiver/delivery.ts'
import type { Mark } from '../../src/dataplane/receiver/duplicates.ts'
import type { ReceiverMetrics } from '../../src/dataplane/receiver/metrics.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { batchKeyHeader, parseBatchKey } from '../../src/dataplane/wire/batch-key.ts'
import { createLineReader } from '../../src/dataplane/wire/lines.ts'
import type { Application } from './application.ts'
import type { Clock, Life } from './clock.ts'
import { simulatedDeadLetters } from './dead-letters.ts'
import type { Host, Request, Response } from './host.ts'
import { isSafe, type Ledger } from './ledger.ts'
import type { Judge } from './judge.ts'
import type { Trace } from './trace.ts'

export interface ReceiverPlan {
  /** Bytes, as in the settings. */
  memory: number
  maxRequest: number
  maxLine: number
}

interface Started {
  life: Life
  budget: Budget
  batches: Batches
}

const patience = 5_000

export function createReceiver(deps: {
  name: string
  plan: ReceiverPlan
  application: Application
  clock: Clock
  ledger: Ledger
  metrics: ReceiverMetrics
  log: Log
  judge: Judge
  trace: Trace
}): Host {
  const { name, plan, application, clock, ledger, metrics, log, trace } = deps
  const { fail } = deps.judge
  let diskFull = false
  let started: Started | undefined

  function start(): void {
    const life = clock.begin()
    const { time } = life
    const deliverer = deliverByPosts({
      post: ({ body }, left) => application.post(ledger.read(body), left, life),
      end: () => undefined,
      time,
    })
    const deadLetters = simulatedDeadLetters(life, ledger, () => diskFull)
    const delivery = createDelivery({
      target: name,
      deliverer,
      deadLetters: () => deadLetters,
      maxLine: () => plan.maxLine,
      metrics,
      log,
      time,
    })
    started = {
      life,
      budget: createBudget(plan.memory, patience, time),
      batches: createBatches({ delivery: () => delivery, metrics, log, time }),
    }
  }

  async function answer(
    { life, budget, batches }: Started,
    { body, headers }: Request,
    onGone: (call: () => void) => () => void,
  ): Promise<Answer> {
    if (body.length > plan.maxRequest) return { status: 413, close: true }
    const lease = budget.lease(body.length)
    const callOff = onGone(() => lease.release())
    // It comes in two pieces.
    for (const bytes of [body.length >> 1, body.length]) {
      await life.time.sleep(1)
      const held = await lease.hold(bytes)
      checkBudget(budget)
      if (held) continue
      lease.release()
      return { status: 429, headers: { 'retry-after': '1' } }
    }
    callOff()
    const reader = createLineReader({
      maxLine: plan.maxLine,
      tagMalformed: true,
      now: life.time.date,
    })
    const pushed = reader.push(body)
    const header = String(headers[batchKeyHeader] ?? '')
    const key = parseBatchKey(header)
    const mark: Mark = key === undefined ? { digest: body.toString('latin1') } : { key }
    const whole = { ...pushed, received: body.length, inflated: body.length }
    return batches.answer({ mark, body: whole }, lease, { onGone })
  }

  function checkBudget(budget: Budget): void {
    // One that is larger than the whole goes alone.
    const bound = Math.max(plan.memory, plan.maxRequest)
    if (budget.used > bound) fail(`${name} holds ${budget.used} bytes of ${bound}`)
  }

  start()
  return {
    name,
    life: () => started?.life,
    async handle(request, onGone) {
      const here = started
      if (here === undefined) return new Promise(() => undefined)
      const { status, headers } = await answer(here, request, onGone)
      if (!here.life.isAlive()) return new Promise(() => undefined)
      if (status === accepted.status && !ledger.read(request.body).every(isSafe)) {
        fail(`${name} answered 200 before all events were safe`)
      }
      const retryAfter = headers?.['retry-after']
      const response: Response = { status, ...(retryAfter === undefined ? {} : { retryAfter }) }
      trace('answer', name, status, request.body.length)
      return response
    },
    start() {
      if (started === undefined) start()
    },
    crash() {
      started?.life.end()
      started = undefined
    },
    setDiskFull(full) {
      diskFull = full
    },
  }
}
