/** The shell of the key queue: runs the work of keys on a clock, several keys at once, each once at a time. */
import type { Clock, Timer } from './clock.ts'
import { createKeyQueue } from './key-queue.ts'
import type { KeyQueueOptions } from './key-queue.ts'

export interface WorkQueueOptions extends KeyQueueOptions {
  clock: Clock
  /** Rejects for what may pass by itself: the key comes back after its back-off. */
  work: (key: string) => Promise<{ againAfterMs?: number }>
  /** Told of each rejection. Must not throw. */
  onFailure: (key: string, error: unknown, againAt: number | undefined) => void
}

export interface WorkQueue {
  add: (key: string) => void
  addAfter(key: string, ms: number): void
  forget(key: string): void
  waiting(): number
  running(): number
  /** Resolves when nothing is waiting or running; delayed keys do not count. */
  idle(): Promise<void>
  /** Starts nothing new; resolves when what runs has ended. */
  stop(): Promise<void>
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, work, onFailure } = options
  const keys = createKeyQueue(options)
  let timer: Timer | undefined
  let stopped = false
  let idlers: (() => void)[] = []

  const run = async (key: string) => {
    try {
      const again = await work(key)
      keys.done(key, { ok: true, ...again }, clock.now())
    } catch (error) {
      const againAt = keys.done(key, { ok: false }, clock.now())
      onFailure(key, error, againAt)
    }
    pump()
  }

  const pump = () => {
    const next = () => (stopped ? undefined : keys.take(clock.now()))
    for (let key = next(); key !== undefined; key = next()) void run(key)
    if (keys.running() === 0 && (stopped || keys.waiting() === 0)) {
      const waiting = idlers
      idlers = []
      for (const resolve of waiting) resolve()
    }
    const wakeAt = stopped ? undefined : keys.wakeAt(clock.now())
    timer?.cancel()
    if (wakeAt !== undefined) timer = clock.setTimer(pump, Math.max(0, wakeAt - clock.now()))
  }

  const whenIdle = () =>
    new Promise<void>((resolve) => {
      idlers.push(resolve)
      pump()
    })

  return {
    add(key) {
      keys.add(key)
      pump()
    },
    addAfter(key, ms) {
      keys.addAfter(key, clock.now() + ms)
      pump()
    },
    forget: (key) => keys.forget(key),
    waiting: () => keys.waiting(),
    running: () => keys.running(),
    idle: whenIdle,
    async stop() {
      stopped = true
      await whenIdle()
    },
  }
}
