/** A sender: its real queue, intake, dispatcher, balancer and transmitter, put together as sender.ts does it. */
import { createBalancer } from '../../src/dataplane/balancer/balancer.ts'
import { createMemoryQueue } from '../../src/dataplane/queue/memory-queue.ts'
import type { BatchLimits, Queue, QueueSettings } from '../../src/dataplane/queue/queue.ts'
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
import { type Copy, type Ledger } from './ledger.ts'
import { createPool, type Path, type SimulatedPool } from './network.ts'
import type { Judge } from './judge.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

export interface SenderPlan {
  queue: QueueSettings & { type: 'Memory' | 'Disk' }
  batch: BatchLimits
}

/** One life of a sender. */
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
  /** How it ended; events that it said to remain. */
  ended?: { how: 'crash' } | { how: 'stop'; remaining: number }
}

export interface SimulatedSender {
  name: string
  plan: SenderPlan
  /** Undefined while it is down or takes nothing new. */
  current(): SenderLife | undefined
  lives: readonly SenderLife[]
  start(): void
  crash(): void
  /** As on SIGTERM. */
  stop(): void
  /** After `stop`, at once where it is not over yet. */
  restart(): void
  setHosts(names: readonly string[]): void
  setReady(ready: boolean): void
  setDiskFull(full: boolean): void
}

const grace = 5_000
const flowLimit = 2_000

export function createSender(deps: {
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
}): SimulatedSender {
  const { name, plan, hosts, path, clock, random, ledger, keys, metrics, log, judge, trace } = deps
  const lives: SenderLife[] = []
  let current: (SenderLife & { reconfigure: () => void; hurry: () => void }) | undefined
  let accepting = true
  let listed = new Set(hosts.map((host) => host.name))
  let ready = true
  let diskFull = false

  function start(): void {
    const life = clock.begin()
    const { time } = life
    const { now } = time
    const senderId = `${name}-${lives.length}`
    const accepted: Copy[] = []
    const counts = { collected: 0, delivered: 0, buried: 0, dropped: 0, withdrawn: 0 }
    const queue = createMemoryQueue<Ticket>(plan.queue)
    const balancer = createBalancer({ coolOff: 10_000, preferSameZone: false })
    const letters = simulatedDeadLetters(life, ledger, () => diskFull)
    const pools = new Map<string, SimulatedPool>()
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
        const { bytes } = queue.totals()
        if (bytes > plan.queue.maxSize && queue.totals().events > largestRequest) {
          judge.fail(`${name} queues ${bytes} bytes of ${plan.queue.maxSize}`)
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
      pool: (host: string) => (listed.has(host) ? pools.get(host) : undefined),
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
      canSend: () => ready && life.isAlive(),
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

    const died = new Promise<undefined>((resolve) => life.onEnd(() => resolve(undefined)))
    const committing = createCommitting({ intake, timeouts: defaultTimeouts, time })
    const made = {
      life,
      intake,
      committing,
      queue,
      accepted,
      counts,
      died,
      reconfigure() {
        const list = hosts.filter((host) => listed.has(host.name))
        balancer.setHosts(list.map((host) => ({ id: host.name })))
        dispatcher.pump()
      },
      hurry: () => dispatcher.hurry(true),
    }
    lives.push(made)
    current = made
    accepting = true
    made.reconfigure()
  }

  function end(ended: NonNullable<SenderLife['ended']>): void {
    if (current === undefined) return
    current.ended = ended
    current.life.end()
    current = undefined
  }

  function remain(): void {
    if (current) end({ how: 'stop', remaining: current.queue.totals().events })
  }

  function startAgain(): void {
    if (current === undefined) start()
  }

  start()
  return {
    name,
    plan,
    lives,
    current: () => (accepting ? current : undefined),
    start: startAgain,
    restart() {
      if (!accepting) remain()
      startAgain()
    },
    crash: () => end({ how: 'crash' }),
    stop() {
      const stopping = current
      if (stopping === undefined || !accepting) return
      accepting = false
      stopping.hurry()
      const stop = (): void => {
        if (current === stopping) remain()
      }
      void flushed(stopping).then(stop)
      clock.after(grace, stop)
    },
    setHosts(names) {
      listed = new Set(names)
      current?.reconfigure()
    },
    setReady(on) {
      ready = on
      current?.reconfigure()
    },
    setDiskFull(full) {
      diskFull = full
    },
  }
}

/** Events; a request that is larger than the whole queue goes into an empty one. */
export const largestRequest = 12

async function flushed({ queue, intake }: SenderLife): Promise<void> {
  while (queue.totals().events > 0) await intake.room()
}
