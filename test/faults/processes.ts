/** The six programs of a world: started, killed, stopped and started again; whatever else ends one is a problem. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '../support/programs.ts'
import { replaceFile } from './certificates.ts'
import type { Guardian } from './guardian.ts'
import { residentMemoryOf } from './process-table.ts'
import type { ProgramName } from './schedule.ts'

export interface Processes {
  start(name: ProgramName): void
  /** Undefined while it is down. */
  pidOf(name: ProgramName): number | undefined
  signal(name: ProgramName, signal: NodeJS.Signals): void
  /** Resolves when it is gone. */
  kill(name: ProgramName): Promise<void>
  /** SIGTERM, and SIGKILL after the grace, as a kubelet would. */
  terminate(name: ProgramName, graceMs: number): Promise<void>
  /** When it was killed or asked to end last, as performance.now() has it; Infinity before that. */
  endedAt(name: ProgramName): number
  jumpClock(name: ProgramName, byMs: number): void
  /** The most that any of them held at any look, bytes. */
  peakMemory(): number
  /** Sentences: who ended by itself, who took too much memory. */
  problems: string[]
  close(): Promise<void>
}

/** Above what any of them takes at its default budget of 64Mi, with Node's own 60 MiB and garbage not collected yet. */
const memoryBound = 300 * 2 ** 20
const lookEveryMs = 200
const clock = fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))

export function createProcesses(options: {
  folder: string
  guardian: Guardian
  env: Record<string, string>
  /** The command line of each. */
  argumentsOf(this: void, name: ProgramName): string[]
}): Processes {
  const { folder, guardian, argumentsOf } = options
  const running = new Map<ProgramName, Program>()
  const shifts = new Map<ProgramName, number>()
  const ends = new Map<ProgramName, number>()
  const problems: string[] = []
  let peak = 0

  const look = setInterval(() => {
    for (const [name, { pid }] of running) {
      const memory = residentMemoryOf(pid) ?? 0
      if (memory > memoryBound && peak <= memoryBound) {
        problems.push(`${name} takes ${memory} bytes of memory, more than ${memoryBound}`)
      }
      peak = Math.max(peak, memory)
    }
  }, lookEveryMs)

  const clockFile = (name: ProgramName): string => join(folder, `${name}.clock`)

  /** From here on its end is meant. */
  function expectEnd(name: ProgramName): Program | undefined {
    const program = running.get(name)
    running.delete(name)
    ends.set(name, performance.now())
    return program
  }

  async function end(name: ProgramName): Promise<void> {
    const program = expectEnd(name)
    program?.child.kill('SIGKILL')
    await program?.ended
  }

  return {
    problems,
    start(name) {
      const program = startProgram(name, argumentsOf(name), {
        folder,
        env: { ...options.env, FAULTS_CLOCK_FILE: clockFile(name) },
        nodeArguments: ['--import', clock],
      })
      guardian.watch(program.pid)
      running.set(name, program)
      void program.ended.then((code) => {
        guardian.forget(program.pid)
        if (running.get(name) !== program) return
        running.delete(name)
        problems.push(`${name} ended by itself with code ${code}`)
      })
    },
    pidOf: (name) => running.get(name)?.pid,
    signal(name, signal) {
      running.get(name)?.child.kill(signal)
    },
    kill: end,
    endedAt: (name) => ends.get(name) ?? Infinity,
    async terminate(name, graceMs) {
      const program = expectEnd(name)
      if (program === undefined) return
      program.child.kill('SIGTERM')
      const late = new AbortController()
      const patience = delay(graceMs, 'late', { signal: late.signal }).catch(() => 'ended')
      if ((await Promise.race([program.ended, patience])) === 'late') program.child.kill('SIGKILL')
      const code = await program.ended
      late.abort()
      if (code !== null && code > 1) problems.push(`${name} ended on SIGTERM with code ${code}`)
    },
    jumpClock(name, byMs) {
      const shift = (shifts.get(name) ?? 0) + byMs
      shifts.set(name, shift)
      replaceFile(clockFile(name), String(shift))
    },
    peakMemory: () => peak,
    async close() {
      clearInterval(look)
      await Promise.all([...running.keys()].map(end))
    },
  }
}
