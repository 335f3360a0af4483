/**
 * Hears of changes by inotify where that works, so that a line does not wait for the next look: not on network file
 * systems, and not for what symlinks lead to elsewhere. Whoever uses it looks each second in any case.
 */
import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../../errors.ts'
import type { Log } from '../../../../telemetry/log.ts'

export interface Watches {
  /** Folders with what tells them from successors of their name; those that are not named any more are left. */
  follow(folders: ReadonlyMap<string, string>): void
  /** Whether changes in this folder are heard of just now. */
  hears(folder: string): boolean
  close(): void
}

export interface WatchesDeps {
  log: Log
  now: () => number
  /** The file of this path changed, or came or went. */
  onChange(this: void, path: string, comesOrGoes: boolean): void
  /** There is too much noise to listen: nothing is heard of this folder until the next `follow`. */
  onNoise(this: void, folder: string): void
}

/** Folders beyond these are looked at each second only. */
const maxWatches = 256
/** Events within a window that are worth their cost: a writer of 50,000 lines a second makes as many of them. */
const maxEvents = 200
const windowMs = 100

export function createWatches({ log, now, onChange, onNoise }: WatchesDeps): Watches {
  const open = new Map<string, { id: string; watcher: FSWatcher }>()
  let said: string | undefined

  function say(folder: string, problem: string): void {
    if (said === problem) return
    said = problem
    log.warn({ folder, problem }, 'Changes of files are not heard of at once: looking each second')
  }

  function leave(folder: string): void {
    open.get(folder)?.watcher.close()
    open.delete(folder)
  }

  function listen(folder: string, id: string): void {
    let since = now()
    let count = 0
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        if (open.get(folder)?.watcher !== watcher) return
        if (now() - since > windowMs) {
          since = now()
          count = 0
        }
        count += 1
        if (name !== null) onChange(join(folder, name), event === 'rename')
        if (count < maxEvents) return
        leave(folder)
        onNoise(folder)
      })
      watcher.on('error', (error) => {
        leave(folder)
        say(folder, messageOf(error))
      })
      open.set(folder, { id, watcher })
    } catch (error) {
      say(folder, messageOf(error))
    }
  }

  return {
    follow(folders) {
      for (const [folder, { id }] of open) if (folders.get(folder) !== id) leave(folder)
      for (const [folder, id] of folders) {
        if (open.has(folder)) continue
        if (open.size >= maxWatches) {
          say(folder, `there are more than ${maxWatches} folders`)
          return
        }
        listen(folder, id)
      }
    },
    hears: (folder) => open.has(folder),
    close() {
      for (const folder of open.keys()) leave(folder)
    },
  }
}
