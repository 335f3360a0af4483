/**
 * Leader election by a Lease. Each process has one elector with an identity that no other process ever has.
 *
 *   candidate ── free, or unchanged for its whole duration, and our write went through ──▶ leader
 *   leader ── no renewal went through for renewMs, or the Lease names another ──▶ lost, for good
 *   leader ── stop() ──▶ stopped; the Lease is given back, so that another takes it at once
 *
 * At most one leads at any time, whatever the clocks say: a leader counts from the START of its last renewal, others from
 * when they SAW it, which is later, and renewMs is less than the lease. Times in the record are for people. The one
 * exception is a Lease that somebody deletes by hand while a process starts that never saw it.
 */
import { messageOf } from '../errors.ts'
import type { Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { pause, timeLimit, type KubeClock } from './clock.ts'
import { ClusterError } from './cluster.ts'
import { createLeaseMetrics } from './lease-metrics.ts'
import { givenBack, heldBy, mayWrite, sighted } from './lease-record.ts'
import type { Lease, Sighting } from './lease-record.ts'
import type { LeaseStore } from './lease-store.ts'

/** Times in ms. */
export interface LeaseClock extends Pick<KubeClock, 'setTimer'> {
  /** Only ever grows, at the pace of real time; where it begins does not matter. */
  monotonic(): number
  /** Since 1970. */
  wall(): number
}

export interface ElectorOptions {
  store: LeaseStore
  lease: { namespace: string; name: string }
  /** Of this process, not of its pod: a container that is started again is another one. */
  identity: string
  clock: LeaseClock
  /** From 0 to 1. */
  random: () => number
  log: Log
  registry: Registry
  /** After so long without a renewal others take the Lease. */
  leaseMs?: number
  /** After so long without a renewal the leader gives up; less than leaseMs. */
  renewMs?: number
  /** Between two attempts; less than renewMs. */
  retryMs?: number
  /** Neither may throw. */
  onElected(): void
  /** Comes at most once, and after it nothing more. Not called by stop(). */
  onLost(reason: string): void
}

export interface Elector {
  start(): void
  /** Right at any moment, also when timers come late: to be asked before each write. */
  leads(): boolean
  /** Gives the Lease back where it is held; resolves when that is done or cannot be. Never rejects. */
  stop(): Promise<void>
  checks: Checks
}

type State = 'candidate' | 'leader' | 'lost' | 'stopped'

export function createElector(options: ElectorOptions): Elector {
  const { store, lease, identity, clock, random, log } = options
  const { leaseMs = 15_000, renewMs = 10_000, retryMs = 2000 } = options
  /** One attempt, so that a connection that hangs leaves time for others before the end. */
  const attemptMs = renewMs / 3
  const ending = new AbortController()
  let state: State = 'candidate'
  let renewedAt = 0
  let deadline: { cancel(): void } | undefined
  let sighting: Sighting | undefined
  /** What our last write made; unknown after anything that failed. */
  let current: Lease | undefined
  let lastFailure: string | undefined
  let loop: Promise<void> | undefined

  const leads = () => state === 'leader' && clock.monotonic() - renewedAt < renewMs
  const metrics = createLeaseMetrics(options.registry, leads)

  const see = (seen: Lease | undefined) => {
    sighting = sighted(sighting, seen, { at: clock.monotonic(), leaseMs })
    if (seen !== undefined) metrics.transitions(seen.spec?.leaseTransitions ?? 0)
  }

  const lose = (reason: string) => {
    state = 'lost'
    deadline?.cancel()
    ending.abort()
    log.error({ identity, reason }, 'Leadership is lost')
    options.onLost(reason)
  }

  const renewed = (start: number) => {
    // The answer may have come when it is too late to rely on.
    if (ending.signal.aborted || clock.monotonic() - start >= renewMs) return
    renewedAt = start
    deadline?.cancel()
    deadline = clock.setTimer(
      () => lose(`no renewal went through for ${renewMs} ms`),
      start + renewMs - clock.monotonic(),
    )
    if (state === 'leader') return
    state = 'leader'
    log.info({ identity, transitions: current?.spec?.leaseTransitions }, 'This process leads')
    options.onElected()
  }

  const attempt = async (signal: AbortSignal) => {
    const before = current ?? (await store.read(signal))
    current = undefined
    if (ending.signal.aborted) return
    see(before)
    if (!mayWrite(sighting, identity, clock.monotonic())) {
      if (state === 'leader') lose(`${sighting?.holder} holds the Lease`)
      return
    }
    const start = clock.monotonic()
    const record = heldBy(before, lease, { identity, leaseMs, wall: clock.wall() })
    current = await (before === undefined
      ? store.create(record, signal)
      : store.replace(record, signal))
    see(current)
    renewed(start)
  }

  /** Tells whether to try again at once: somebody else wrote, and a new reading says who. */
  const attemptInTime = async (): Promise<boolean> => {
    const limit = timeLimit(clock, attemptMs, ending.signal)
    try {
      await attempt(limit.signal)
      lastFailure = undefined
    } catch (error) {
      if (ending.signal.aborted) return false
      if (isRace(error)) return state === 'leader'
      metrics.failed()
      const reason = limit.expired() ? `no answer for ${attemptMs} ms` : messageOf(error)
      if (reason !== lastFailure) log.warn({ reason, err: error }, 'The Lease cannot be reached')
      lastFailure = reason
    } finally {
      limit.end()
    }
    return false
  }

  /**
   * A leader is punctual; candidates keep out of each other's way. After a failure a leader is out of step too: connections
   * that were cut every second met each of its renewals, every 2 s, until the Lease was lost.
   */
  const period = () => {
    if (state !== 'leader') return retryMs * (0.8 + 0.4 * random())
    return lastFailure === undefined ? retryMs : retryMs * (0.25 + 0.5 * random())
  }

  const run = async () => {
    while (!ending.signal.aborted) {
      const start = clock.monotonic()
      if (await attemptInTime()) await attemptInTime()
      // An attempt that took longer than the period is followed by the next at once.
      await pause(clock, Math.max(0, period() - (clock.monotonic() - start)), ending.signal)
    }
  }

  /** An earlier renewal may still reach the server and stand in the way of the first attempt. */
  const giveBack = async () => {
    const limit = timeLimit(clock, attemptMs, undefined)
    const { signal } = limit
    try {
      for (let tries = 0; tries < 3 && !signal.aborted; tries += 1) {
        try {
          const held = await store.read(signal)
          if (held?.spec?.holderIdentity !== identity) return
          await store.replace(givenBack(held, clock.wall()), signal)
          log.info({ identity }, 'The Lease is given back')
          return
        } catch (error) {
          if (isRace(error)) continue
          log.warn({ err: error }, 'The Lease is not given back; others wait until it is over')
          return
        }
      }
    } finally {
      limit.end()
    }
  }

  return {
    start() {
      loop ??= run()
    },
    leads,
    async stop() {
      const before = state
      if (before !== 'lost') state = 'stopped'
      deadline?.cancel()
      ending.abort()
      await loop
      // A candidate may hold it without knowing: when the answer to its write was lost.
      if (before === 'leader' || (before === 'candidate' && loop !== undefined)) await giveBack()
    },
    checks: {
      live: {
        // A leader that should have given up, and did not, is to be ended from outside.
        leadership: () => ({
          ok: state !== 'lost' && (state !== 'leader' || leads()),
          message: state === 'leader' && !leads() ? 'The Lease is over' : describe(),
        }),
      },
      ready: { leadership: () => ({ ok: true, message: describe() }) },
    },
  }

  function describe(): string {
    if (state !== 'candidate') return { leader: 'leads', lost: 'lost', stopped: 'stopped' }[state]
    return sighting === undefined || sighting.holder === ''
      ? 'stands by; nobody is known to lead'
      : `stands by; ${sighting.holder} leads`
  }
}

function isRace(error: unknown): boolean {
  return (
    error instanceof ClusterError &&
    (error.reason === 'Conflict' || error.reason === 'AlreadyExists' || error.reason === 'NotFound')
  )
}
