/** One life of a sender: its real queue, intake, dispatcher, balancer and transmitter, wired as sender.ts does it. */
import type { Disk } from '../../src/dataplane/disk/disk.ts'
import { createBalancer } from '../../src/dataplane/balancer/balancer.ts'
import type { BatchLimits, Queue } from '../../src/dataplane/queue/queue.ts'
import { createCommitting, type Committing } from '../../src/dataplane/sender/collect/commit.ts'
import type { Connections } from '../../src/dataplane/sender/connections.ts'
import { createDispatcher, type Dispatcher } from '../../src/dataplane/sender/dispatcher.ts'
import { createIntake, type Intake, type Ticket } from '../../src/dataplane/sender/intake.ts'
import type { SenderMetrics } from '../../src/dataplane/sender/metrics.ts'
import { defaultTimeouts } from '../../src/dataplane/sender/timeouts.ts'
import { createTransmitter } from '../../src/dataplane/sender/transmitter.ts'
import { batchKeyHeader } from '../../src/dataplane/wire/batch-key.ts'
import type { Log } from '../../src/telemetry/log.ts'
import type { BatchKeys } from './batch-keys.ts'
import type { Clock, Life } from './clock.ts'
import { simulatedDeadLetters } from './dead-letters.ts'
import type { Host } from './host.ts'
import type { Judge } from './judge.ts'
import type { Copy, Ledger } from './ledger.ts'
import { createPool, type Path, type SimulatedPool } from './network.ts'
import type { Random } from './random.ts'
import { openQueue, type QueuePlan } from './sender-queue.ts'
import type { Trace } from './trace.ts'

export interface SenderPlan {
  queue: QueuePlan
  batch: BatchLimits
}

export interface SenderDeps {
  name: string
  plan: SenderPlan
  hosts: readonly Host[]
  path: (host: string) => Path
  clock: Clock
  random: Random
  ledger: Ledger
  keys: BatchKeys
  metrics: SenderMetrics
  log: Log
  judge: Judge
  trace: Trace
}

/** What its settings say now. */
export interface SenderState {
  listed: ReadonlySet<string>
  ready: boolean
  diskFull: boolean
  /** False once it stops. */
  accepting: boolean
}

export interface SenderLife {
  life: Life
  intake: Intake
  committing: Committing
  queue: Queue<Ticket>
  /** Whatever was taken into the queue, in that order, and the counts that the sender keeps itself. */
  accepted: Copy[]
  counts: {
    collected: number
    delivered: number
    buried: number
    dropped: number
    withdrawn: number
  }
  /** Resolves with undefined when it dies. */
  died: Promise<undefined>
  /** How it ended and when; events that it said to remain. */
  ended?: { how: 'crash'; at: number } | { how: 'stop'; at: number; remaining: number }
  /** Takes up what the state says by now. */
  reconfigure(): void
  /** Flushes for the end. */
  hurry(): void
  disk: Disk
  /** False once it stops. */
  isTaking(): boolean
  /** Called after the flush, before the queue is closed. */
  onStop(call: () => Promise<void>): void
  /** Closes everything that holds on to its disk. */
  close(): Promise<void>
}

/** Events; a request that is larger than the whole queue goes into an empty one. */
export const largestRequest = 12
const flowLimit = 2_000

export async function beginLife(
  deps: SenderDeps,
  given: { life: Life; disk: Disk; newId: () => string; state: SenderState },
): Promise<SenderLife> {
  const { name, plan, hosts, path, clock, random, ledger, keys, metrics, log, judge, trace } = deps
  const { life, disk, newId, state } = given
  const { time } = life
  const { now } = time
  const accepted: Copy[] = []
  const counts = { collected: 0, delivered: 0, buried: 0, dropped: 0, withdrawn: 0 }
  const seen: { intake?: Intake; dispatcher?: Dispatcher<Ticket> } = {}
  const opened = await openQueue(plan.queue, {
    life,
    disk,
    newId,
    log,
    listener: {
      settled: (settled) => seen.intake?.settled(settled),
      changed() {
        seen.intake?.wake()
        seen.dispatcher?.pump()
      },
    },
  })
  const { queue, senderId } = opened
  const balancer = createBalancer({ coolOff: 10_000, preferSameZone: false })
  const letters = simulatedDeadLetters(life, ledger, () => state.diskFull)
  const pools = new Map<string, SimulatedPool>()
  const stops: (() => Promise<void>)[] = []
  let deliveredAt = Number.NEGATIVE_INFINITY

  const intake = createIntake({
    queue,
    memoryLimit: () => plan.queue.maxSize * 4,
    time,
    flows: () => now() - deliveredAt < flowLimit,
    release: (batch) => dispatcher.release(batch),
    onCommitted: () => dispatcher.pump(),
    onCollected(events) {
      counts.collected += events
      const totals = queue.totals()
      if (totals.bytes > plan.queue.maxSize && totals.events > largestRequest) {
        judge.fail(`${name} queues ${totals.bytes} bytes of ${plan.queue.maxSize}`)
      }
    },
    onDropped(events) {
      trace('dropped', name, events)
      counts.dropped += events
    },
    onWithdrawn(events) {
      trace('withdrawn', name, events)
      counts.withdrawn += events
    },
  })
  seen.intake = intake

  for (const host of hosts) {
    const pool = createPool({ life, host, path: path(host.name), clock, random, judge })
    pools.set(host.name, {
      send(request, options) {
        const copies = ledger.read(request.body)
        trace('send', name, host.name, copies.length, copies[0]?.id ?? -1)
        keys.check(request.headers[batchKeyHeader] as string | undefined, copies)
        for (const copy of copies) copy.sent = true
        return pool.send(request, options)
      },
    })
  }

  const connections = {
    pool: (host: string) => (state.listed.has(host) ? pools.get(host) : undefined),
    authorization: () => undefined,
  } as unknown as Connections
  const transmitter = createTransmitter({
    connections,
    senderId,
    userAgent: 'simulation',
    hold: (bytes) => intake.hold(bytes),
    metrics,
    deadLetters: () => letters,
    time,
    log,
  })
  const dispatcher: Dispatcher<Ticket> = createDispatcher<Ticket>({
    queue,
    balancer,
    limits: () => plan.batch,
    settings: () => plan.queue,
    canSend: () => state.ready && life.isAlive(),
    send(part, host, options) {
      // Not compressed, which would cost more than all the rest.
      part.body ??= part.events.body
      return transmitter.send(part, host, options)
    },
    async poison(part, host, status) {
      const kept = await transmitter.poison(part, host, status)
      if (kept) counts.buried += part.events.count
      return kept
    },
    settled: (settled) => intake.settled(settled),
    observe: {
      delivered(_host, events) {
        deliveredAt = now()
        counts.delivered += events
      },
      problem: () => intake.wake(),
      retried: () => undefined,
    },
    time,
    random: random.float,
  })
  seen.dispatcher = dispatcher

  return {
    life,
    intake,
    committing: createCommitting({ intake, timeouts: defaultTimeouts, time }),
    queue,
    accepted,
    counts,
    died: new Promise((resolve) => life.onEnd(() => resolve(undefined))),
    reconfigure() {
      const list = hosts.filter((host) => state.listed.has(host.name))
      balancer.setHosts(list.map((host) => ({ id: host.name })))
      dispatcher.pump()
    },
    hurry: () => dispatcher.hurry(true),
    disk,
    isTaking: () => state.accepting,
    onStop(call) {
      stops.push(call)
    },
    async close() {
      for (const stop of stops) await stop()
      await opened.close()
    },
  }
}
