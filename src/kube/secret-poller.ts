/**
 * Secrets are neither listed nor watched, which would need the right to read all of them: those that someone names are
 * asked for one by one. At once, then after 1, 2, 4 … s up to a minute, and every five minutes once nothing changed for
 * long; a change begins that anew. All requests together are limited in rate and in number.
 */
import type { KubeObject } from '../api/objects.ts'
import type { KubeClock } from './clock.ts'

export interface PollLimits {
  firstMs: number
  /** The longest interval, until nothing changed for `quietMs`. */
  lastMs: number
  quietMs: number
  quietEveryMs: number
  /** Requests a second, of all Secrets together. */
  perSecond: number
  concurrency: number
}

export const pollLimits: PollLimits = {
  firstMs: 1000,
  lastMs: 60_000,
  quietMs: 600_000,
  quietEveryMs: 300_000,
  perSecond: 100,
  concurrency: 16,
}

interface Polled {
  /** Asks as soon as the limits allow. */
  refresh(): void
  /** An answer that is under way now may be older than what was just written. */
  outdate(): void
  stop(): void
}

export interface SecretPoller {
  /**
   * `ask` gets the object, or undefined where there is none. `take` is told what came and says whether it is new; `fail`
   * why nothing came.
   */
  add(on: {
    ask: () => Promise<KubeObject | undefined>
    take: (object: KubeObject | undefined) => boolean
    fail: (error: unknown) => void
  }): Polled
  stop(): void
}

interface Entry {
  ask: () => Promise<KubeObject | undefined>
  take: (object: KubeObject | undefined) => boolean
  fail: (error: unknown) => void
  dueAt: number
  interval: number
  changedAt: number
  asking: boolean
  /** Counts what makes answers under way worthless. */
  age: number
}

export function createSecretPoller(options: {
  clock: KubeClock
  random: () => number
  limits: PollLimits
}): SecretPoller {
  const { clock, random, limits } = options
  const entries = new Set<Entry>()
  let running = 0
  let nextAt = 0
  let timer: { cancel(): void } | undefined

  const schedule = () => {
    timer?.cancel()
    timer = undefined
    if (running >= limits.concurrency) return
    const next = earliest()
    if (next === undefined) return
    const now = clock.now()
    timer = clock.setTimer(run, Math.max(0, next.dueAt - now, nextAt - now))
  }

  const earliest = (): Entry | undefined => {
    let found: Entry | undefined
    for (const entry of entries) {
      if (!entry.asking && (found === undefined || entry.dueAt < found.dueAt)) found = entry
    }
    return found
  }

  const run = () => {
    const now = clock.now()
    const entry = earliest()
    if (entry !== undefined && entry.dueAt <= now && nextAt <= now) {
      nextAt = now + 1000 / limits.perSecond
      void poll(entry)
    }
    schedule()
  }

  const poll = async (entry: Entry) => {
    const { age } = entry
    entry.asking = true
    running += 1
    let changed = false
    try {
      const object = await entry.ask()
      if (!entries.has(entry)) return
      // Something was written or wished for meanwhile: asked again at once.
      if (entry.age !== age) return
      changed = entry.take(object)
    } catch (error) {
      if (entries.has(entry)) entry.fail(error)
    } finally {
      running -= 1
      entry.asking = false
      if (entry.age === age) rest(entry, changed)
      schedule()
    }
  }

  const rest = (entry: Entry, changed: boolean) => {
    const now = clock.now()
    if (changed) entry.changedAt = now
    const isQuiet = now - entry.changedAt >= limits.quietMs
    entry.interval = changed
      ? limits.firstMs
      : Math.min(entry.interval * 2, isQuiet ? limits.quietEveryMs : limits.lastMs)
    entry.dueAt = now + entry.interval * (0.9 + random() / 5)
  }

  const soon = (entry: Entry) => {
    entry.age += 1
    // Before all that are merely due: of thousands, those of which something is known come first.
    entry.dueAt = Number.NEGATIVE_INFINITY
    entry.interval = limits.firstMs / 2
    schedule()
  }

  return {
    add(on) {
      const now = clock.now()
      const entry: Entry = {
        ...on,
        dueAt: now,
        interval: limits.firstMs / 2,
        changedAt: now,
        asking: false,
        age: 0,
      }
      entries.add(entry)
      schedule()
      return {
        refresh: () => soon(entry),
        outdate: () => soon(entry),
        stop() {
          entries.delete(entry)
          schedule()
        },
      }
    },
    stop() {
      entries.clear()
      timer?.cancel()
    },
  }
}
