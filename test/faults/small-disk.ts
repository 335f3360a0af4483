/** A file system of its own for one sender's state, so small that it can be filled. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface SmallDisk {
  /** Leaves no byte free. */
  fill(): void
  free(): void
  unmount(): void
}

/** Whether this process may mount: it runs in a mount namespace of its own (run.ts sees to that where it can). */
export function mayMount(folder: string): boolean {
  const path = join(folder, 'mount-test')
  try {
    mountSmallDisk(path, 2 ** 20).unmount()
    return true
  } catch {
    // Not allowed, or no Linux: what it is for is left out, and said to be.
    return false
  }
}

export function mountSmallDisk(path: string, size: number): SmallDisk {
  mkdirSync(path, { recursive: true })
  run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'faults', path])
  const filler = join(path, 'filler')
  return {
    fill() {
      const file = openSync(filler, 'w')
      const block = Buffer.alloc(2 ** 20)
      // A page is the smallest that the file system gives.
      for (const length of [block.length, 4096]) {
        try {
          for (;;) writeSync(file, block, 0, length)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
        }
      }
      closeSync(file)
    },
    free: () => rmSync(filler, { force: true }),
    unmount: () => run('umount', ['--lazy', path]),
  }
}

function run(program: string, args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.trim()}`)
}
