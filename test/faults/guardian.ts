/** Sees to it that no process outlives the runner, not even one that is killed with SIGKILL. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startTimeOf } from './process-table.ts'

export interface Guardian {
  watch(pid: number): void
  forget(pid: number): void
  /** Kills what is still watched, and ends. */
  close(): Promise<void>
}

export function startGuardian(): Guardian {
  const program = fileURLToPath(new URL('guardian-program.ts', import.meta.url))
  // The pipe is what tells it of our end.
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  return {
    watch: (pid) => void child.stdin.write(`+${pid} ${startTimeOf(pid) ?? ''}\n`),
    forget: (pid) => void child.stdin.write(`-${pid}\n`),
    async close() {
      child.stdin.end()
      await ended
    },
  }
}
