/**
 * Takes batches from the queue to hosts. One `pump` looks at everything and is called whenever something changed: events
 * came, a request ended, time passed, the hosts changed.
 *
 *   queue ──cut──▶ ┐                        ┌─ delivered ──▶ queue.acknowledge
 *   retries ─────▶ ├─ pick a host ─ send ──▶├─ refused ────▶ sift ──▶ dead letters, retries, kept
 *   kept ────────▶ ┘                        └─ else ───────▶ retries, for any host
 *
 * A batch is cut only when a host can take it, so that under an outage events stay where they can be withdrawn.
 * `kept` holds what a host refused that takes nothing, and some of what failed everywhere: others go first, else one bad
 * event would be asked for ever.
 * What a host that fell silent has goes to a second host as well, see balancer.pickSecond.
 */
import { shortestPatience } from '../balancer/balanced-host.ts'
import type { Balancer } from '../balancer/balancer.ts'
import type { Batch, BatchLimits, Queue, QueueSettings, Settled } from '../queue/queue.ts'
import type { Time } from '../time.ts'
import { createCopies } from './copies.ts'
import type { Outcome } from './outcome.ts'
import { wholeOf, type Part } from './part.ts'
import { sift } from './refusal.ts'
import { createTaken } from './taken.ts'

export interface DispatcherDeps<Owner> {
  queue: Queue<Owner>
  balancer: Balancer
  limits: () => BatchLimits
  /** One try at a host. Never rejects. */
  send(part: Part<Owner>, host: string, options: { fresh: boolean }): Promise<Outcome>
  /** Of the queue. */
  settings: () => QueueSettings
  /** False: nothing can be sent at all yet (TLS material is missing). */
  canSend: () => boolean
  poison(part: Part<Owner>, host: string, status: number): Promise<boolean>
  settled(settled: Settled<Owner>): void
  observe: DispatcherObserver
  time: Time
  random: () => number
}

interface DispatcherObserver {
  delivered(host: string, events: number, bytes: number, ms: number): void
  problem(host: string, outcome: Exclude<Outcome, { kind: 'delivered' }>): void
  /** A batch goes to a host again. */
  retried(): void
}

export interface Dispatcher<Owner> {
  pump(): void
  /** True: flush without waiting for more events. */
  hurry(on: boolean): void
  /** Lets go of what waits of a batch, unless a part of it is in flight. */
  release(batch: Batch<Owner>): boolean
  inFlight(): number
  keptEvents(): number
  close(): void
}

/** How long what was refused by a host that takes nothing waits when nothing else shows that it takes anything. */
const keptRetry = 30_000
const pauseAfterReset = 100
/** So many parts let others go first while nothing is delivered. */
const maxKeptBack = 16

export function createDispatcher<Owner>(deps: DispatcherDeps<Owner>): Dispatcher<Owner> {
  const { queue, balancer, observe, time } = deps
  const { now } = time
  const retries: Part<Owner>[] = []
  let kept: { part: Part<Owner>; until: number }[] = []
  /** Events of each batch that are neither delivered nor dead-lettered, and its parts at hosts. */
  const open = new Map<Batch<Owner>, { events: number; sending: number }>()
  const taken = createTaken()
  const copies = createCopies<Part<Owner>>()
  let active = 0
  let hurried = false
  let closed = false
  let callOff: (() => void) | undefined

  function finished(part: Part<Owner>): void {
    const state = open.get(part.batch)
    if (state === undefined) return
    state.events -= part.events.count
    if (state.events > 0) return
    open.delete(part.batch)
    deps.settled(queue.acknowledge(part.batch))
  }

  function took(host: string): void {
    taken.add(host, now())
    if (kept.length > 0) retries.push(...kept.splice(0).map(({ part }) => part))
  }

  /** Tries a host, and after a reset without an answer once more within a second. */
  async function attempt(part: Part<Owner>, host: string): Promise<Outcome> {
    const began = now()
    let outcome = await deps.send(part, host, { fresh: false })
    if (outcome.kind === 'reset' && !closed) {
      if (!outcome.stale) {
        observe.problem(host, outcome)
        await time.sleep(pauseAfterReset)
      }
      observe.retried()
      outcome = await deps.send(part, host, { fresh: true })
    }
    if (outcome.kind === 'delivered') {
      // What a second host delivered already is not counted again.
      if (copies.isDelivered(part)) return outcome
      observe.delivered(host, part.events.count, part.events.body.length, now() - began)
    } else if (!closed) observe.problem(host, outcome)
    return outcome
  }

  async function run(part: Part<Owner>, host: string, startedAt: number): Promise<void> {
    copies.began(part)
    const stopWatching = watch(part, host, startedAt)
    const outcome = await attempt(part, host)
    stopWatching()
    const isDelivered = copies.isDelivered(part)
    if (outcome.kind === 'delivered' && copies.delivered(part)) finished(part)
    const elsewhere = copies.ended(part)
    if (outcome.kind === 'delivered') {
      took(host)
      balancer.succeeded(host, startedAt, now())
    } else if (isDelivered || elsewhere > 0) {
      if (outcome.kind === 'refused') balancer.released(host, startedAt)
      else settleHost(host, startedAt, outcome)
    } else if (outcome.kind === 'refused') await divide(part, host, startedAt, outcome)
    else {
      settleHost(host, startedAt, outcome)
      again([part], host)
    }
  }

  /** Sends it to a second host too when this one falls silent. Answers with what ends that. */
  function watch(part: Part<Owner>, host: string, startedAt: number): () => void {
    let end: () => void
    function look(): void {
      if (closed || copies.isDelivered(part)) return
      const at = now()
      const second = copies.mayCopy()
        ? balancer.pickSecond(host, startedAt, at)
        : { waitUntil: at + shortestPatience }
      if ('waitUntil' in second) {
        if (second.waitUntil < Number.POSITIVE_INFINITY) lookAt(second.waitUntil)
        return
      }
      observe.retried()
      if (!start(part, second.host, at)) balancer.released(second.host, at)
    }
    function lookAt(at: number): void {
      end = time.after(Math.max(at - now(), 1), look)
    }
    lookAt(startedAt + shortestPatience)
    return () => end()
  }

  async function divide(
    refused: Part<Owner>,
    host: string,
    startedAt: number,
    refusal: Extract<Outcome, { kind: 'refused' }>,
  ): Promise<void> {
    const { rest, ended, tookSome } = await sift(refused, refusal, {
      send: (part) => attempt(part, host),
      takesOthers: () => taken.takes(host, now()),
      isVouchedFor: (count) => taken.vouchesFor(host, count, { sentAt: startedAt, now: now() }),
      delivered: finished,
      async poison(part, status) {
        const isKept = await deps.poison(part, host, status)
        if (isKept) finished(part)
        return isKept
      },
    })
    if (tookSome) took(host)
    if (ended === undefined) balancer.succeeded(host, startedAt, now())
    else settleHost(host, startedAt, ended)
    const refuses = ended === undefined || ended.kind === 'refused'
    // What it took since this was sent may vouch for it the next time, or show that it no longer refuses.
    const mayVouch = ended !== undefined && taken.tookSince(host, startedAt)
    if (refuses && !mayVouch) keep(rest, host)
    else again(rest, host)
  }

  function settleHost(
    host: string,
    startedAt: number,
    outcome: Exclude<Outcome, { kind: 'delivered' }>,
  ): void {
    const at = now()
    if (outcome.kind === 'paused') balancer.paused(host, startedAt, at, at + outcome.ms)
    else balancer.failed(host, startedAt, at, deps.random())
  }

  function again(parts: readonly Part<Owner>[], host: string): void {
    for (const part of parts) {
      part.avoid = host
      if (balancer.allOut()) stepBack(part)
      else retries.push(part)
    }
    if (parts.length > 0) observe.retried()
  }

  /** Where no more may, it takes the place of one that did: each has its turn, or a bad one would be tried for ever. */
  function stepBack(part: Part<Owner>): void {
    if (!mayStepBack()) {
      const [first] = kept.splice(soonestKept(), 1)
      retries.push(first?.part ?? part)
      if (first === undefined) return
    }
    kept.push({ part, until: now() })
  }

  /**
   * Once every host has failed, what they failed with lets others go first: it may be this very batch that nobody takes.
   * Only some, as what is cut is not easily withdrawn; and DropOldest needs old ones that it may drop, so that half of
   * the queue's size is never cut for this. What counts is its size, not what waits now: little may, behind this batch.
   */
  function mayStepBack(): boolean {
    if (kept.length >= maxKeptBack) return false
    const { bytes, waitingBytes } = queue.totals()
    const { onFull, maxSize } = deps.settings()
    return onFull === 'Block' || (bytes - waitingBytes) * 2 <= maxSize
  }

  /** Another host may take it at once; when each that is well refused it, everything else goes first. */
  function keep(parts: readonly Part<Owner>[], host: string): void {
    const well = balancer.states().filter((each) => !each.removed && each.failures === 0)
    for (const part of parts) {
      const refusedBy = new Set(part.refusedBy).add(host)
      const hasOther = well.some(({ id }) => !refusedBy.has(id))
      const next = { ...part, avoid: host }
      if (hasOther) retries.push({ ...next, refusedBy })
      else {
        delete next.refusedBy
        kept.push({ part: next, until: now() + keptRetry })
      }
    }
  }

  function soonestKept(): number {
    const soonest = Math.min(...kept.map(({ until }) => until))
    return kept.findIndex(({ until }) => until === soonest)
  }

  /** When the next part may go, and a function that takes it. */
  function next(): { at: number; take: () => Part<Owner> | undefined; avoid?: string } {
    const [retry] = retries
    if (retry) {
      return {
        at: Number.NEGATIVE_INFINITY,
        take: () => retries.shift(),
        ...(retry.avoid === undefined ? {} : { avoid: retry.avoid }),
      }
    }
    const limits = deps.limits()
    const ready = queue.readyAt(limits, hurried || active === 0)
    const index = soonestKept()
    const oldest = kept[index]
    if (ready > now() && oldest && (ready === Number.POSITIVE_INFINITY || oldest.until < ready)) {
      // With nothing else to send, nothing else can show whether the host takes anything.
      const at = balancer.allOut() ? Number.NEGATIVE_INFINITY : oldest.until
      return { at, take: () => kept.splice(index, 1)[0]?.part }
    }
    return {
      at: ready,
      take() {
        const batch = queue.cut(limits)
        if (batch === undefined) return undefined
        open.set(batch, { events: batch.events.count, sending: 0 })
        return wholeOf(batch)
      },
    }
  }

  function wake(at: number): void {
    callOff?.()
    callOff = undefined
    if (at === Number.POSITIVE_INFINITY) return
    callOff = time.after(Math.min(Math.max(at - now(), 1), 60_000), pump)
  }

  function mayGo(): boolean {
    return !closed && deps.canSend()
  }

  function pump(): void {
    while (mayGo()) {
      const candidate = next()
      if (candidate.at > now()) return wake(candidate.at)
      const startedAt = now()
      const pick = balancer.pick(startedAt, candidate.avoid)
      if ('waitUntil' in pick) return wake(pick.waitUntil)
      const part = candidate.take()
      if (part === undefined || !start(part, pick.host, startedAt)) {
        balancer.released(pick.host, startedAt)
      }
    }
  }

  /** False: nobody wants that part any more. */
  function start(part: Part<Owner>, host: string, startedAt: number): boolean {
    const state = open.get(part.batch)
    if (state === undefined) return false
    active += 1
    state.sending += 1
    void run(part, host, startedAt).finally(() => {
      active -= 1
      state.sending -= 1
      pump()
    })
    return true
  }

  return {
    pump,
    hurry(on) {
      hurried = on
      pump()
    },
    release(batch) {
      if ((open.get(batch)?.sending ?? 0) > 0) return false
      open.delete(batch)
      for (let i = retries.length - 1; i >= 0; i -= 1) {
        if (retries[i]?.batch === batch) retries.splice(i, 1)
      }
      kept = kept.filter(({ part }) => part.batch !== batch)
      return true
    },
    inFlight: () => active,
    keptEvents: () => kept.reduce((sum, { part }) => sum + part.events.count, 0),
    close() {
      closed = true
      callOff?.()
    },
  }
}
