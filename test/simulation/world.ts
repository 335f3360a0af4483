/** One run: the parts of a plan, its faults at their times, then peace until everything has come to rest. */
import type { ReceiverMetrics } from '../../src/dataplane/receiver/metrics.ts'
import type { SenderMetrics } from '../../src/dataplane/sender/metrics.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { createApplication, type Application } from './application.ts'
import { createBatchKeys } from './batch-keys.ts'
import { check } from './check.ts'
import { createClock } from './clock.ts'
import { createFaults } from './faults.ts'
import { createForeignReceiver } from './foreign-receiver.ts'
import type { Host } from './host.ts'
import { createJudge, type Judge } from './judge.ts'
import { createLedger, type Copy } from './ledger.ts'
import { goodPath, type Path } from './network.ts'
import { createPlan, type Plan } from './plan.ts'
import { createProducer } from './producer.ts'
import { createRandom } from './random.ts'
import { createReceiver } from './receiver.ts'
import { createSender } from './sender.ts'
import { createTailed } from './tailed.ts'
import { createTrace } from './trace.ts'

export interface Shared {
  senderMetrics: SenderMetrics
  receiverMetrics: ReceiverMetrics
  log: Log
  /** Hears the trace, of one seed that somebody looks at. */
  say?: (line: string) => void
  /** Gets the judge of the run that begins, so that what is thrown astray can be blamed on it. */
  onBegin?: (judge: Judge) => void
}

export interface Result {
  seed: number
  problem: string | undefined
  hash: string
  events: number
  steps: number
  /** From the end of the faults until everything was at rest, ms. */
  settledAfter: number
}

/** After the last fault everything must have come to rest within this time, ms. */
const limit = 10 * 60_000
const heartbeat = 2_000

/** One run of a seed, or of a plan made by hand. */
export async function simulate(seed: number, shared: Shared, given?: Plan): Promise<Result> {
  const random = createRandom(seed)
  const plan = given ?? createPlan(random)
  const judge = createJudge()
  shared.onBegin?.(judge)
  const clock = createClock()
  const { trace, ...traced } = createTrace(clock.now, shared.say)
  const ledger = createLedger(judge)
  const keys = createBatchKeys(judge)
  const promised = new Set<Copy>()
  const { log, receiverMetrics, senderMetrics } = shared
  if (shared.say) shared.say(JSON.stringify(plan, undefined, 1))

  const applications: Application[] = []
  const hosts = plan.hosts.map((each, index): Host => {
    const name = `host-${index}`
    const application = createApplication({ name, clock, random, ledger, trace })
    applications.push(application)
    const base = { name, application, clock, ledger, judge, trace }
    return each === undefined
      ? createForeignReceiver(base)
      : createReceiver({ ...base, plan: each, metrics: receiverMetrics, log })
  })
  const paths = plan.senders.map(() => new Map(hosts.map(({ name }) => [name, { ...goodPath }])))
  const files = plan.senders.map(({ file }) =>
    file.length === 0
      ? undefined
      : createTailed({ loads: file, clock, random, ledger, log, trace }),
  )
  const senders = plan.senders.map((each, index) =>
    createSender(
      {
        name: `sender-${index}`,
        plan: each.plan,
        hosts,
        path: (host) => paths[index]?.get(host) as Path,
        clock,
        random,
        ledger,
        keys,
        metrics: senderMetrics,
        log,
        judge,
        trace,
      },
      files[index],
    ),
  )
  const producers = plan.senders.map(({ requests, stream }, index) => {
    const sender = senders[index] as (typeof senders)[number]
    return createProducer({
      sender,
      requests,
      stream,
      promised,
      clock,
      random,
      ledger,
      judge,
      trace,
    })
  })
  const faults = createFaults({ plan, senders, hosts, applications, paths, clock, trace })

  await clock.run(() => faults.over() || judge.failure() !== undefined, Number.POSITIVE_INFINITY)
  const peace = clock.now()
  trace('peace')

  // Good events go on coming while there are others, or nothing would show that an application takes any.
  let beats = true
  function beat(): void {
    if (!beats) return
    for (const producer of producers) producer.beat()
    clock.after(heartbeat, beat)
  }
  beat()

  function isAtRest(): boolean {
    const unfinished =
      sum(producers, (each) => each.unfinished) + sum(files, (each) => each?.unsafe() ?? 0)
    const beating = sum(producers, (each) => each.beating)
    const queued = sum(senders, (each) => each.current()?.queue.totals().events ?? Infinity)
    if (unfinished === 0 && queued <= beating) beats = false
    return unfinished === 0 && beating === 0 && queued === 0
  }
  const isDone = (): boolean => judge.failure() !== undefined || isAtRest()
  const done = await clock.run(isDone, peace + limit)
  const problem =
    judge.failure() ??
    (done ? check(plan, senders, promised, ledger) : 'Not everything came to rest: a stall')
  return {
    seed,
    problem,
    hash: traced.hash(),
    events: ledger.all().length,
    steps: clock.steps(),
    settledAfter: clock.now() - peace,
  }
}

function sum<T>(list: readonly T[], count: (each: T) => number): number {
  return list.reduce((total, each) => total + count(each), 0)
}
