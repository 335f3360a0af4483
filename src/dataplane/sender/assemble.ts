/**
 * The sender: puts its parts together and keeps them in step with the settings.
 *
 *   collect/{stdin, tcp, http} ──▶ intake ──▶ queue ──▶ dispatcher ──▶ pools ──▶ hosts
 *                                    ▲                    │ balancer says which
 *                                    └── tickets settled ─┘
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { SenderSettings } from '../../api/sidecar-config.ts'
import { createBalancer } from '../balancer/balancer.ts'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import { createRealDisk } from '../disk/real-disk.ts'
import { followDeadLetters } from '../dead-letter/follow-dead-letters.ts'
import type { Watched } from '../files/watched.ts'
import { systemTime } from '../time.ts'
import { closeInTime } from './close-in-time.ts'
import type { Closing } from './closing.ts'
import { createCollected } from './collect/collected.ts'
import { startCollectors } from './collect/collectors.ts'
import { createConnections, type Connections } from './connections.ts'
import { decorationOf } from './decorate.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { createHostHealth } from './host-health.ts'
import { createIntake, type Intake, type Ticket } from './intake.ts'
import { affordableQueue, memoryOf } from './memory-bounds.ts'
import { createSenderMetrics } from './metrics.ts'
import { openQueue, type OpenedQueue } from './open-queue.ts'
import { senderChecks } from './readiness.ts'
import { newSenderId } from './sender-id.ts'
import { senderStatus, type StatusInput } from './status.ts'
import { defaultTimeouts } from './timeouts.ts'
import { createTransmitter } from './transmitter.ts'
import type { Sender, SenderDeps } from './types.ts'

/** Without a delivery for so long, streams fill the queue. */
const flowLimit = 2_000

/** Puts all parts together; what is opened is added to `closing`. */
export async function assemble(
  settings: Watched<SenderSettings>,
  deps: SenderDeps,
  closing: Closing,
): Promise<Sender> {
  const { log, registry, env, input, version = '0.0.0', refusals } = deps
  const { lookup = systemLookup, timeouts = defaultTimeouts } = deps
  const time = systemTime
  const { now } = time
  const random = Math.random
  const current = (): SenderSettings => settings.current
  const counts = { collected: 0, delivered: 0, dropped: 0, withdrawn: 0 }
  const memory = memoryOf(current())
  // The kind of queue stays what it was at the start, and with it what bounds it.
  const { type, directory } = current().queue
  const queueSettings = (): SenderSettings['queue'] =>
    affordableQueue({ ...current(), queue: { ...current().queue, type } }, memory)
  // Metrics may be asked for, and a queue on disk may have something to tell, before those are made whom it concerns.
  const seen: {
    connections?: Connections
    intake?: Intake
    dispatcher?: Dispatcher<Ticket>
    opened?: OpenedQueue
    checkDrained?: () => void
  } = {}
  const metrics = createSenderMetrics(registry, {
    totals: () => seen.opened?.queue.totals(),
    heldBytes: () => seen.intake?.heldBytes() ?? 0,
    disk: () => seen.opened?.usage(),
    inFlight: () => seen.dispatcher?.inFlight() ?? 0,
    certificateExpiry: () => seen.connections?.certificateExpiry(),
    tlsFileProblem: () => seen.connections?.tlsProblem() !== undefined,
    now,
  })
  const opened = await openQueue({
    settings: queueSettings(),
    disk: createRealDisk(),
    time,
    log,
    newId: () => newSenderId(current()),
    listener: {
      settled: (settled) => seen.intake?.settled(settled),
      changed() {
        seen.intake?.wake()
        seen.dispatcher?.pump()
        seen.checkDrained?.()
      },
    },
    observe: {
      synced: (ms) => metrics.synced(ms),
      corrupt: () => metrics.corrupt(),
      lost: (events) => metrics.events('damaged', events),
    },
  })
  closing.add(() => opened.close())
  seen.opened = opened
  const { queue, senderId } = opened
  const balancer = createBalancer(current().balancing)
  const health = createHostHealth({ log, now: () => time.date().getTime() })
  const deadLetters = await followDeadLetters(settings, {
    now: () => new Date(),
    log,
    slot: opened.slot,
    onDropped: (count) => metrics.events('dead_letters_dropped', count),
  })
  closing.add(() => deadLetters.close())
  const keptAside = (): DeadLetters | undefined => refusals ?? deadLetters.current

  let deliveredAt = Number.NEGATIVE_INFINITY
  const intake = createIntake({
    queue,
    memoryLimit: () => Math.min(memoryOf(current()), memory),
    time,
    flows: () => now() - deliveredAt < flowLimit,
    release: (batch) => dispatcher.release(batch),
    onCommitted: () => dispatcher.pump(),
    onCollected: (events) => count('collected', events),
    onDropped(events) {
      count('dropped', events)
      log.warn({ events }, 'The queue is full: its oldest events were dropped (onFull: DropOldest)')
    },
    onWithdrawn: (events) => count('withdrawn', events),
    onFull: () => metrics.full(),
  })
  seen.intake = intake
  function count(what: keyof typeof counts, events: number): void {
    counts[what] += events
    metrics.events(what, events)
  }

  const connections = await createConnections(settings, {
    log,
    env,
    lookup,
    now,
    random,
    timeouts,
    balancer,
    health,
    onChange: () => dispatcher.pump(),
  })
  closing.add(() => connections.close())
  seen.connections = connections
  const transmitter = createTransmitter({
    connections,
    senderId,
    userAgent: `logstash-link/${version}`,
    hold: (bytes) => intake.hold(bytes),
    metrics,
    deadLetters: keptAside,
    time,
    log,
  })
  const dispatcher: Dispatcher<Ticket> = createDispatcher<Ticket>({
    queue,
    balancer,
    limits: () => current().batch,
    settings: () => current().queue,
    canSend: () => connections.canSend(),
    send: transmitter.send,
    poison: transmitter.poison,
    settled(settled) {
      intake.settled(settled)
      checkDrained()
    },
    observe: {
      delivered(host, events, bytes, ms) {
        deliveredAt = now()
        count('delivered', events)
        metrics.request('delivered')
        metrics.took(ms)
        metrics.sent(bytes)
        health.delivered(host, events)
      },
      problem(host, outcome) {
        metrics.request(outcome.kind)
        health.problem(host, outcome)
        if (outcome.kind !== 'paused') connections.failing()
        intake.wake()
      },
      retried: () => metrics.retried(),
    },
    time,
    random,
  })
  closing.add(() => dispatcher.close())
  seen.dispatcher = dispatcher

  const { promise: drained, resolve: becomeDrained } = Promise.withResolvers<void>()
  let inputEnded = false
  function checkDrained(): void {
    if (inputEnded && queue.totals().events === 0) becomeDrained()
  }
  seen.checkDrained = checkDrained

  const collected = createCollected({
    decoration: () => decorationOf(current()),
    maxLine: () => current().limits.maxLine,
    deadLetters: keptAside,
    log,
    onOversized: (lines) => metrics.events('oversized', lines),
  })
  const collectors = await startCollectors(settings, {
    intake,
    collected,
    timeouts,
    time,
    disk: createRealDisk(),
    checkpoints: opened.checkpoints ?? current().checkpoints?.directory,
    registry,
    log,
    input,
    onInputEnd() {
      inputEnded = true
      dispatcher.hurry(true)
      checkDrained()
    },
  })
  closing.add(() => collectors.end())
  const endSettings = settings.onChange((next) => {
    queue.configure(queueSettings())
    if (next.queue.maxSize > queueSettings().maxSize) {
      log.warn(
        { wanted: next.queue.maxSize, maxSize: memory },
        'The queue stays at what this process began with: a larger one needs a restart of its pod',
      )
    }
    if (next.queue.type !== type || next.queue.directory !== directory) {
      log.warn(
        { type, directory, wanted: { type: next.queue.type, directory: next.queue.directory } },
        'The queue stays of the type and in the directory it began with: a change of queue.type or queue.directory needs a restart of its pod',
      )
    }
    // There may be room now, or more connections.
    intake.wake()
    dispatcher.pump()
  })
  closing.add(endSettings)
  dispatcher.pump()
  opened.adoptOrphans((events) => intake.safe(events))

  function statusInput(): StatusInput {
    return {
      link: current().link,
      now: now(),
      hosts: balancer.states(),
      health,
      totals: queue.totals(),
      heldBytes: intake.heldBytes(),
      maxSize: queueSettings().maxSize,
      disk: opened.usage(),
      queueProblem: opened.problem(),
      keptEvents: dispatcher.keptEvents(),
      deadLetters: keptAside()?.status(),
      counts,
      securityProblem: connections.securityProblem(),
      fingerprint: connections.certificateFingerprint(),
      canSend: connections.canSend(),
      bookProblem: connections.bookProblem(),
    }
  }

  async function flushed(): Promise<void> {
    await collectors.stop()
    dispatcher.hurry(true)
    while (queue.totals().events > 0) await intake.room()
  }

  return {
    ports: collectors.ports,
    checks: senderChecks(statusInput),
    status: () => ({ ...senderStatus(statusInput()), files: collectors.files() }),
    drained,
    async stop({ graceMs }) {
      const patience = new AbortController()
      await Promise.race([
        flushed(),
        delay(graceMs, undefined, { signal: patience.signal }).catch(() => undefined),
      ])
      patience.abort()
      const remaining = queue.totals().events + collectors.untaken()
      await closeInTime(() => closing.close(), { time, log })
      if (remaining > 0) log.error({ remaining }, 'Stopped before all events were delivered')
      return { remaining }
    },
  }
}

async function systemLookup(name: string): Promise<string[]> {
  const addresses = await dnsLookup(name, { all: true })
  return addresses.map(({ address }) => address)
}
