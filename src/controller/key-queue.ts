/**
 * The queue of keys, on plain data: time and chance are arguments, nothing runs in here.
 *
 *              add                      take
 *   idle ───────────────▶ waiting ───────────────▶ running ──┐
 *    ▲ ▲                     ▲ ▲                    │  ▲     │ add: runs once more
 *    │ │ addAfter            │ │ its time came      │  └─────┘ after this run
 *    │ └──────── delayed ────┘ └── failed: back-off ┤
 *    └──────────────────────────────────── done ────┘
 *
 * A key stands in the queue once, runs once at a time, and keys that never had a run that succeeded go first. A change
 * (add) does not wait for a back-off, for it may be the mending one.
 */
import type { Rate } from './token-bucket.ts'
import { createTokenBucket } from './token-bucket.ts'

export interface KeyQueueOptions {
  concurrency: number
  /** Runs of all keys together. */
  rate: Rate
  /** 0 to 1, for jitter. */
  random: () => number
}

type Outcome = { ok: true; againAfterMs?: number } | { ok: false }

export interface KeyQueue {
  add(key: string): void
  /** The earliest of several delays counts. */
  addAfter(key: string, at: number): void
  /** The next key that may run now. */
  take(now: number): string | undefined
  /** Ends a run. Returns when the key runs again, where it is to. */
  done(key: string, outcome: Outcome, now: number): number | undefined
  /** When take may give something that it does not give now; undefined: not before an add or a done. */
  wakeAt(now: number): number | undefined
  /** Forgets all about a key whose object is gone; what is waiting or running ends as usual. */
  forget(key: string): void
  /** Keys that could run at once. */
  waiting(): number
  running(): number
  delayed(): number
}

const firstBackOff = 200
const maxBackOff = 5 * 60_000

interface Item {
  state: 'idle' | 'waiting' | 'running'
  /** Added while it ran. */
  again: boolean
  failures: number
  synced: boolean
  forgotten: boolean
}

export function createKeyQueue({ concurrency, rate, random }: KeyQueueOptions): KeyQueue {
  const items = new Map<string, Item>()
  const fresh = new Set<string>()
  const known = new Set<string>()
  const delayed = new Map<string, number>()
  /** Of `delayed`; undefined where it is not known. Thousands of keys wait, and this is asked for with each one that runs. */
  let earliest: number | undefined = Number.POSITIVE_INFINITY
  const bucket = createTokenBucket(rate)
  let running = 0

  const itemOf = (key: string): Item => {
    const item = items.get(key) ?? {
      state: 'idle',
      again: false,
      failures: 0,
      synced: false,
      forgotten: false,
    }
    items.set(key, item)
    return item
  }

  const delay = (key: string, at: number) => {
    undelay(key)
    delayed.set(key, at)
    if (earliest !== undefined) earliest = Math.min(earliest, at)
  }

  const undelay = (key: string) => {
    if (delayed.get(key) === earliest) earliest = undefined
    delayed.delete(key)
  }

  const earliestOf = (): number => {
    if (earliest === undefined) {
      earliest = Number.POSITIVE_INFINITY
      for (const at of delayed.values()) earliest = Math.min(earliest, at)
    }
    return earliest
  }

  const add = (key: string) => {
    const item = itemOf(key)
    item.forgotten = false
    undelay(key)
    if (item.state === 'running') item.again = true
    if (item.state !== 'idle') return
    item.state = 'waiting'
    ;(item.synced ? known : fresh).add(key)
  }

  const addAfter = (key: string, at: number) => {
    const { state, again } = itemOf(key)
    if (state === 'waiting' || again) return
    delay(key, Math.min(at, delayed.get(key) ?? Number.POSITIVE_INFINITY))
  }

  const release = (now: number) => {
    if (earliestOf() > now) return
    for (const [key, at] of delayed) if (at <= now) add(key)
  }

  const backOff = (failures: number) =>
    Math.min(maxBackOff, firstBackOff * 2 ** (failures - 1)) * (0.5 + random() / 2)

  return {
    add,
    addAfter,

    take(now) {
      release(now)
      if (running >= concurrency) return undefined
      const key = firstOf(fresh) ?? firstOf(known)
      if (key === undefined || !bucket.take(now)) return undefined
      fresh.delete(key)
      known.delete(key)
      itemOf(key).state = 'running'
      running += 1
      return key
    },

    done(key, outcome, now) {
      const item = itemOf(key)
      running -= 1
      item.state = 'idle'
      item.failures = outcome.ok ? 0 : item.failures + 1
      item.synced ||= outcome.ok
      if (outcome.ok && outcome.againAfterMs !== undefined)
        addAfter(key, now + outcome.againAfterMs)
      if (!outcome.ok) addAfter(key, now + backOff(item.failures))
      if (item.again) {
        item.again = false
        add(key)
      } else if (item.forgotten) {
        items.delete(key)
        undelay(key)
      }
      return items.get(key)?.state === 'waiting' ? now : delayed.get(key)
    },

    wakeAt(now) {
      const isFree = running < concurrency && fresh.size + known.size > 0
      const at = Math.min(earliestOf(), isFree ? bucket.readyAt(now) : Number.POSITIVE_INFINITY)
      return at === Number.POSITIVE_INFINITY ? undefined : at
    },

    forget(key) {
      const item = items.get(key)
      if (item === undefined) return
      item.forgotten = true
      undelay(key)
      if (item.state === 'idle') items.delete(key)
    },

    waiting: () => fresh.size + known.size,
    running: () => running,
    delayed: () => delayed.size,
  }
}

function firstOf(keys: ReadonlySet<string>): string | undefined {
  return keys.values().next().value
}
