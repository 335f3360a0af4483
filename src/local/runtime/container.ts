/**
 * One container over its life: start, probes, restarts with back-off, end.
 *
 *   waiting ──▶ running ──▶ terminated ──▶ (back-off: waiting) ──▶ running …
 *                                     └──▶ stays, when its restart policy says so
 */
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Container, ContainerState } from '../pod.ts'
import { watchProbes, type AskProbe } from './probes.ts'
import type { Program } from './program.ts'
import type { ProcessExit, RunningProcess } from './process.ts'

export interface ContainerRun {
  readonly name: string
  readonly container: Container
  snapshot(): ContainerSnapshot
  /** Resolves once its startup probe has succeeded for the first time, or it has ended for good. */
  readonly started: Promise<void>
  /** Resolves with the last exit once it will not run again. */
  readonly finished: Promise<ProcessExit>
  /** Ends it for good. */
  stop(graceMs: number): Promise<void>
  /** The running process' id. */
  pid(): number | undefined
}

export interface ContainerSnapshot {
  state: ContainerState
  lastState: ContainerState
  restartCount: number
  ready: boolean
  started: boolean
}

export interface ContainerDeps {
  /** The program, or why it cannot be started yet (a Secret that is not there). */
  program(): Program | { missing: string }
  start(program: Program): RunningProcess
  ask: AskProbe
  now: () => Date
  changed(): void
  event(type: 'Normal' | 'Warning', reason: string, message: string): void
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never'

/** The kubelet's doubling, from a shorter start: at once, then 0.5 s to 60 s; anew after a minute of running. */
const backOff = { first: 500, longest: 60_000, forgottenAfter: 60_000 } as const
const retryMissing = 250

export function runContainer(
  container: Container,
  policy: RestartPolicy,
  graceMs: number,
  deps: ContainerDeps,
): ContainerRun {
  const stopping = new AbortController()
  const started = Promise.withResolvers<void>()
  let current: RunningProcess | undefined
  const snapshot: ContainerSnapshot = {
    state: { waiting: { reason: 'ContainerCreating' } },
    lastState: {},
    restartCount: 0,
    ready: false,
    started: false,
  }
  const update = (change: Partial<ContainerSnapshot>): void => {
    Object.assign(snapshot, change)
    deps.changed()
  }

  const finished = supervise().finally(started.resolve)

  async function supervise(): Promise<ProcessExit> {
    let failures = 0
    for (;;) {
      const program = await readyProgram()
      if (program === undefined) return { exitCode: 137 }
      const began = performance.now()
      const exit = await runOnce(program)
      const again = policy === 'Always' || (policy === 'OnFailure' && exit.exitCode !== 0)
      if (!again || stopping.signal.aborted) return exit
      failures = performance.now() - began > backOff.forgottenAfter ? 1 : failures + 1
      if (failures > 1) {
        const wait = Math.min(backOff.longest, backOff.first * 2 ** (failures - 2))
        const lastState = snapshot.state
        const message = `back-off ${wait / 1000}s restarting failed container=${container.name}`
        deps.event('Warning', 'BackOff', message)
        update({ lastState, state: { waiting: { reason: 'CrashLoopBackOff', message } } })
        if (!(await pause(wait))) return exit
        update({ restartCount: snapshot.restartCount + 1 })
      } else {
        update({ lastState: snapshot.state, restartCount: snapshot.restartCount + 1 })
      }
    }
  }

  async function readyProgram(): Promise<Program | undefined> {
    for (;;) {
      if (stopping.signal.aborted) return undefined
      const program = deps.program()
      if (!('missing' in program)) return program
      const waiting = { reason: 'CreateContainerConfigError', message: program.missing }
      if (snapshot.state.waiting?.message !== program.missing) {
        deps.event('Warning', 'Failed', `Error: ${program.missing}`)
        update({ state: { waiting } })
      }
      await pause(retryMissing)
    }
  }

  async function runOnce(program: Program): Promise<ProcessExit> {
    const startedAt = deps.now().toISOString()
    const process = deps.start(program)
    current = process
    const probing = new AbortController()
    if (process.pid !== undefined) {
      update({ state: { running: { startedAt } } })
      deps.event('Normal', 'Started', `Started container ${container.name}`)
      watchProbes(container, deps.ask, probeEvents(process), probing.signal)
    }
    if (stopping.signal.aborted) void process.stop(graceMs)
    const exit = await process.exited
    probing.abort()
    current = undefined
    update({ ready: false, started: false, state: { terminated: terminated(exit, startedAt) } })
    if (exit.problem !== undefined) deps.event('Warning', 'Failed', `Error: ${exit.problem}`)
    return exit
  }

  function probeEvents(process: RunningProcess) {
    return {
      started() {
        update({ started: true })
        started.resolve()
      },
      ready(ready: boolean, why: string) {
        if (!ready) deps.event('Warning', 'Unhealthy', `Readiness probe failed: ${why}`)
        update({ ready })
      },
      failed(message: string) {
        deps.event('Warning', 'Unhealthy', `${message}; container ${container.name} is restarted`)
        void process.stop(graceMs)
      },
    }
  }

  function terminated(exit: ProcessExit, startedAt: string): ContainerState['terminated'] & {} {
    const reason =
      exit.problem !== undefined ? 'StartError' : exit.exitCode === 0 ? 'Completed' : 'Error'
    return {
      exitCode: exit.exitCode,
      reason,
      startedAt,
      finishedAt: deps.now().toISOString(),
      ...(exit.signal && { signal: constants.signals[exit.signal] }),
      ...(exit.problem !== undefined && { message: exit.problem }),
    }
  }

  /** False when it was cut short by the end of the container. */
  async function pause(ms: number): Promise<boolean> {
    try {
      await delay(ms, undefined, { signal: stopping.signal })
      return true
    } catch {
      // AbortError alone: delay rejects for nothing else.
      return false
    }
  }

  return {
    name: container.name,
    container,
    snapshot: () => ({ ...snapshot }),
    started: started.promise,
    finished,
    async stop(grace) {
      stopping.abort()
      await current?.stop(grace)
      await finished
    },
    pid: () => current?.pid,
  }
}
