/** A sender through its lives: it starts, crashes, loses power, stops as on SIGTERM, and its settings change. */
import type { Life } from './clock.ts'
import { simulatedDisk } from './sender-queue.ts'
import type { Tailed } from './tailed.ts'
import { beginLife, type SenderDeps, type SenderLife, type SenderPlan } from './sender-life.ts'

export interface SimulatedSender {
  name: string
  plan: SenderPlan
  /** Undefined while it is down or takes nothing new. */
  current(): SenderLife | undefined
  lives: readonly SenderLife[]
  /** `power` takes with it what the disk had not synced. */
  crash(how: 'process' | 'power'): void
  /** As on SIGTERM. */
  stop(): void
  /** After a crash or a stop; one that is not over yet is cut short. */
  start(): void
  setHosts(names: readonly string[]): void
  setReady(ready: boolean): void
  /** Of dead letters and queue alike. */
  setDiskFull(full: boolean): void
}

const grace = 5_000
const startAgain = 1_000
/** A crash that waits for a change of the disk does not wait longer, ms. */
const crashWithin = 3_000

export function createSender(deps: SenderDeps, tailed: Tailed | undefined): SimulatedSender {
  const { name, plan, hosts, clock, random, trace } = deps
  const disk = simulatedDisk(clock, random)
  const lives: SenderLife[] = []
  const state = {
    listed: new Set(hosts.map((host) => host.name)),
    ready: true,
    diskFull: false,
    accepting: true,
  }
  /** From its start to its end, while its queue is opened as well. */
  let life: Life | undefined
  let current: SenderLife | undefined
  /** The life is to crash at a change of its disk, and whether another is to begin then. */
  let isDoomed = false
  let isToStart = false
  let ids = 0

  function newId(): string {
    ids += 1
    return `${name}-${ids}`
  }

  function start(): void {
    if (life !== undefined) return
    const begun = clock.begin()
    life = begun
    state.accepting = true
    beginLife(deps, { life: begun, disk: disk.start(), newId, state }).then(
      (made) => {
        if (!begun.isAlive()) return
        trace('started', name)
        current = made
        lives.push(made)
        made.reconfigure()
        tailed?.follow(made)
      },
      (error: unknown) => {
        if (!begun.isAlive()) return
        trace('not started', name, String(error))
        begun.time.after(startAgain, () => {
          begun.end()
          life = undefined
          start()
        })
      },
    )
  }

  function end(how: 'crash' | 'stop', disks: 'process' | 'power' = 'process'): void {
    if (life === undefined) return
    const at = clock.now()
    if (current) {
      const remaining = current.queue.totals().events
      current.ended = how === 'crash' ? { how, at } : { how, at, remaining }
    }
    current = undefined
    life.end()
    life = undefined
    disk.crash(disks)
  }

  async function shutDown(stopping: SenderLife): Promise<void> {
    const { time } = stopping.life
    await Promise.race([flushed(stopping), time.sleep(grace)])
    await Promise.race([stopping.close(), time.sleep(grace)])
    if (current === stopping) end('stop')
  }

  start()
  return {
    name,
    plan,
    lives,
    current: () => (state.accepting ? current : undefined),
    crash(how) {
      const dying = life
      if (isDoomed) return
      if (plan.queue.type === 'Memory' || dying === undefined) return end('crash', how)
      // Within a call that changes the disk, where it hurts most.
      disk.crashAt(random.int(1, 8), how)
      let isOver = false
      const die = (): void => {
        if (isOver) return
        isOver = true
        if (life === dying) end('crash', how)
        isDoomed = false
        if (isToStart) start()
      }
      isDoomed = true
      isToStart = false
      void disk.crashed().then(die)
      clock.after(crashWithin, die)
    },
    stop() {
      if (current === undefined || !state.accepting) return
      state.accepting = false
      current.hurry()
      void shutDown(current)
    },
    start() {
      if (!state.accepting) end('stop')
      isToStart = isDoomed
      start()
    },
    setHosts(names) {
      state.listed = new Set(names)
      current?.reconfigure()
    },
    setReady(ready) {
      state.ready = ready
      current?.reconfigure()
    },
    setDiskFull(full) {
      state.diskFull = full
      disk.setCapacity(full ? disk.used() : Number.POSITIVE_INFINITY)
    },
  }
}

async function flushed({ queue, intake }: SenderLife): Promise<void> {
  while (queue.totals().events > 0) await intake.room()
}
