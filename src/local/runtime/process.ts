/** One process of a container: its own process group, ended by its id. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { Program } from './program.ts'

/** Whoever ends process groups when `local` cannot. */
export interface Groups {
  add(group: number): void
  remove(group: number): void
}

export interface ProcessExit {
  /** As Kubernetes counts: 128 + signal when a signal ended it. */
  exitCode: number
  signal?: NodeJS.Signals
  /** When it could not be started at all. */
  problem?: string
}

export interface RunningProcess {
  /** undefined when it could not be started. */
  readonly pid: number | undefined
  readonly exited: Promise<ProcessExit>
  /** SIGTERM to the group, then SIGKILL once the grace (ms) is over. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>
}

export function startProcess(
  program: Program,
  deps: { groups: Groups; onOutput(stream: Readable): void },
): RunningProcess {
  const child = spawn(program.file, program.args, {
    cwd: program.cwd,
    env: program.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const { pid } = child
  if (pid !== undefined) deps.groups.add(pid)
  deps.onOutput(child.stdout)
  deps.onOutput(child.stderr)

  let ended = false
  const signalGroup = (signal: NodeJS.Signals): void => {
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // ESRCH: no process of the group is left.
    }
  }
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('error', (error) => {
      if (pid === undefined) resolve({ exitCode: 128, problem: error.message })
    })
    child.once('exit', (code, signal) => {
      ended = true
      // As in a container: when its first process ends, all of them do.
      signalGroup('SIGKILL')
      if (pid !== undefined) deps.groups.remove(pid)
      resolve(
        signal === null
          ? { exitCode: code ?? 0 }
          : { exitCode: 128 + constants.signals[signal], signal },
      )
    })
  })
  return {
    pid,
    exited,
    async stop(graceMs) {
      if (!ended) signalGroup('SIGTERM')
      const timer = setTimeout(() => {
        if (!ended) signalGroup('SIGKILL')
      }, graceMs)
      await exited
      clearTimeout(timer)
    },
  }
}
