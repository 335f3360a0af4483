/**
 * Several electors and an API server in simulated time: requests are delayed, fail before or after they took effect, the
 * server is away at times, processes are frozen, killed and started again, and each has clocks of its own.
 */
import { setImmediate as settled } from 'node:timers/promises'
import { ClusterError } from '../../src/kube/cluster.ts'
import { createElector, type Elector, type LeaseClock } from '../../src/kube/lease.ts'
import type { Lease } from '../../src/kube/lease-record.ts'
import type { LeaseStore } from '../../src/kube/lease-store.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { silentLog } from '../support/log.ts'

export interface Faults {
  /** Chance that a request fails before it takes effect, and after. */
  refused: number
  answerLost: number
  longestDelayMs: number
  /** Chance each second that the server goes away, a process is cut off from it, is frozen, or killed. */
  outage: number
  cut: number
  freeze: number
  kill: number
}

export const calm: Faults = {
  refused: 0,
  answerLost: 0,
  longestDelayMs: 50,
  outage: 0,
  cut: 0,
  freeze: 0,
  kill: 0,
}

interface Process {
  identity: string
  alive: boolean
  frozenUntil: number
  cutUntil: number
  elector: Elector
}

interface Step {
  at: number
  run: () => void
  cancelled: boolean
}

export interface Simulation {
  now(): number
  processes(): readonly Process[]
  leaders(): string[]
  /** The Lease as the server has it. */
  lease(): Lease | undefined
  deleteLease(): void
  startProcess(): Process
  kill(process: Process): void
  setFaults(faults: Faults): void
  /** Moves time on; `look` is called after each thing that happened. */
  run(ms: number, look?: () => void): Promise<void>
}

export function simulate(options: {
  random: () => number
  times?: { leaseMs?: number; renewMs?: number; retryMs?: number }
}): Simulation {
  const { random, times = {} } = options
  let now = 0
  let faults = calm
  let serverAwayUntil = 0
  let steps: Step[] = []
  let processes: Process[] = []
  let started = 0
  let lease: Lease | undefined
  let version = 0

  const at = (time: number, run: () => void): Step => {
    const step = { at: time, run, cancelled: false }
    steps.push(step)
    return step
  }

  const commit = (change: () => Lease | undefined): Lease | undefined => {
    if (now < serverAwayUntil) throw new ClusterError('Unavailable', 'away')
    return change()
  }

  const written = (next: Lease): Lease => {
    version += 1
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } }
    return structuredClone(lease)
  }

  /** What happens to a process waits while it is frozen. */
  const inProcess = (process: () => Process, time: number, run: () => void): Step =>
    at(time, () => {
      const { alive, frozenUntil } = process()
      if (!alive) return
      if (frozenUntil > now) inProcess(process, frozenUntil, run)
      else run()
    })

  const delay = () => random() ** 3 * faults.longestDelayMs

  const request = (process: () => Process, signal: AbortSignal, change: () => Lease | undefined) =>
    new Promise<Lease | undefined>((resolve, reject) => {
      const aborted = () => reject(new Error('aborted'))
      if (signal.aborted) return aborted()
      signal.addEventListener('abort', aborted)
      at(now + delay(), () => {
        let answer: () => void
        try {
          if (now < process().cutUntil || random() < faults.refused)
            throw new ClusterError('Unavailable', 'refused')
          const result = commit(change)
          answer = () => resolve(result)
        } catch (error) {
          answer = () => reject(error)
        }
        if (random() >= faults.answerLost) inProcess(process, now + delay(), answer)
      })
    })

  const storeOf = (process: () => Process): LeaseStore => ({
    read: (signal) => request(process, signal, () => structuredClone(lease)),
    create: async (next, signal) => {
      const made = await request(process, signal, () => {
        if (lease !== undefined) throw new ClusterError('AlreadyExists', 'it is there')
        return written(next)
      })
      return made as Lease
    },
    replace: async (next, signal) => {
      const made = await request(process, signal, () => {
        const live = lease?.metadata.resourceVersion
        if (live === undefined) throw new ClusterError('NotFound', 'it is gone')
        if (live !== next.metadata.resourceVersion) throw new ClusterError('Conflict', 'changed')
        return written(next)
      })
      return made as Lease
    },
  })

  const startProcess = (): Process => {
    started += 1
    const identity = `process-${started}`
    const born = now
    // Clocks run up to a tenth too fast or too slow, and calendars are off by up to a day.
    const pace = 0.9 + random() / 5
    const skew = (random() - 0.5) * 2 * 86_400_000
    const clock: LeaseClock = {
      monotonic: () => (now - born) * pace,
      wall: () => 1.8e12 + now + skew,
      setTimer: (run, ms) => {
        const step = inProcess(
          () => process,
          now + ms / pace,
          () => !step.cancelled && run(),
        )
        return { cancel: () => void (step.cancelled = true) }
      },
    }
    const process: Process = {
      identity,
      alive: true,
      frozenUntil: 0,
      cutUntil: 0,
      elector: createElector({
        store: storeOf(() => process),
        lease: { namespace: 'system', name: 'it' },
        identity,
        clock,
        random,
        log: silentLog(),
        registry: createMetrics({ program: 'test' }),
        ...times,
        onElected: () => undefined,
        // As the operator does: the process ends, and its kubelet starts another.
        onLost: () => kill(process),
      }),
    }
    processes.push(process)
    process.elector.start()
    return process
  }

  const kill = (process: Process) => {
    process.alive = false
    processes = processes.filter((each) => each !== process)
    at(now + 1000, startProcess)
  }

  const mischief = () => {
    if (random() < faults.outage) serverAwayUntil = now + random() * 30_000
    for (const process of [...processes]) {
      if (random() < faults.cut) process.cutUntil = now + random() * 40_000
      if (random() < faults.freeze) process.frozenUntil = now + random() * 30_000
      if (random() < faults.kill) kill(process)
    }
    at(now + 1000, mischief)
  }
  at(0, mischief)

  return {
    now: () => now,
    processes: () => processes,
    leaders: () =>
      processes.filter(({ elector }) => elector.leads()).map(({ identity }) => identity),
    lease: () => lease,
    deleteLease: () => void (lease = undefined),
    startProcess,
    kill,
    setFaults(next) {
      faults = next
      if (next.outage === 0) serverAwayUntil = 0
    },
    async run(ms, look = () => undefined) {
      const end = now + ms
      for (;;) {
        await settled()
        look()
        steps = steps.filter(({ cancelled }) => !cancelled)
        const next = steps.reduce<Step | undefined>(
          (first, step) => (first === undefined || step.at < first.at ? step : first),
          undefined,
        )
        if (next === undefined || next.at > end) break
        steps.splice(steps.indexOf(next), 1)
        now = Math.max(now, next.at)
        next.run()
      }
      now = end
    },
  }
}
