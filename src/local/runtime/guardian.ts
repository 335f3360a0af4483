/**
 * A small process beside `local` that ends what `local` started when `local` itself is killed hard: it is told of each
 * process group, and when its stdin closes it ends those that are left and removes the run folder.
 */
import { spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Guardian {
  readonly pid: number | undefined
  add(processGroup: number): void
  remove(processGroup: number): void
  /** Ends the guardian; nothing is left for it to do. */
  close(): Promise<void>
}

/** @param folder removed when `local` dies; none when its files are to be kept. */
export function startGuardian(folder: string | undefined): Guardian {
  const source = fileURLToPath(new URL('./guardian-program.ts', import.meta.url))
  // Compiled, both files end in .js.
  const program = source.replace(/\.ts$/, extname(import.meta.filename))
  const child = spawn(process.execPath, [program, ...(folder === undefined ? [] : [folder])], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A group of its own, so that Ctrl-C in the terminal does not end it before its work.
    detached: true,
    env: {},
  })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  // EPIPE when somebody ended the guardian: then there is no guard, and no reason to fail.
  child.stdin.on('error', () => {})
  return {
    pid: child.pid,
    add: (group) => child.stdin.write(`+${group}\n`),
    remove: (group) => child.stdin.write(`-${group}\n`),
    async close() {
      child.stdin.end('.\n')
      await exited
    },
  }
}
