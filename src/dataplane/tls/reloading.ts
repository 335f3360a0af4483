/** Something that is loaded from files and loaded again when they change. */
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { changeable } from '../files/watched.ts'
import { watchFiles } from '../files/watch.ts'

export interface Reloading<T> {
  /** What was loaded last; undefined until there was something that could be loaded. */
  readonly current: T | undefined
  /** A sentence about the files as they are now, while they cannot be taken or are past their time. */
  readonly problem: string | undefined
  /** Called after `current` changed; the returned function ends that. */
  onChange(listener: () => void): () => void
  close(): void
}

export interface Loaded<T> {
  value: T
  /** Equal for equal content: what was merely written again is not taken for a change. */
  digest: string
  /** Logged when the value is taken up, for something that is odd and yet no fault. */
  remark?: string
}

export interface ReloadingOptions<T> {
  /** For the log: `tls.identity`. */
  what: string
  files: readonly string[]
  load: () => Promise<Loaded<T>>
  /** What is wrong with the value by now, though it was loaded. */
  ailing?: (value: T) => string | undefined
  log: Log
  intervalMs?: number
}

/**
 * Resolves after the first load, be it a success or not; never rejects. A load that fails keeps the value, shows as
 * `problem` and is logged once as long as its message stays the same.
 */
export async function openReloading<T>(options: ReloadingOptions<T>): Promise<Reloading<T>> {
  const { what, files, load, ailing, log, intervalMs } = options
  const loaded = changeable<Loaded<T> | undefined>(undefined)
  let failure: string | undefined
  let closed = false

  const refresh = async (): Promise<void> => {
    try {
      const next = await load()
      if (closed) return
      if (failure !== undefined && loaded.current !== undefined) {
        log.info({ what }, 'Files are good again')
      }
      failure = undefined
      if (next.digest === loaded.current?.digest) return
      const first = loaded.current === undefined
      log.info({ what, files }, first ? 'Files were loaded' : 'Files changed and were loaded')
      for (const remark of [next.remark, ailing?.(next.value)]) {
        if (remark !== undefined) log.warn({ what }, remark)
      }
      loaded.set(next)
    } catch (error) {
      const message = messageOf(error)
      if (closed || message === failure) return
      failure = message
      const kept =
        loaded.current === undefined ? 'there is nothing to use' : 'what was loaded before stays'
      log.warn({ what, err: error }, `Files cannot be taken, so ${kept}: ${message}`)
    }
  }

  // One load after another, so that an older one never overtakes a newer one. The watch begins before the first load,
  // so that a change in the middle of any load is followed by another load.
  let running: Promise<void> = Promise.resolve()
  const onFiles = (): void => {
    running = running.then(refresh)
  }
  const interval = intervalMs === undefined ? {} : { intervalMs }
  const watch = files.length > 0 ? watchFiles(files, onFiles, { log, ...interval }) : undefined
  onFiles()
  await running

  return {
    get current() {
      return loaded.current?.value
    },
    get problem() {
      return failure ?? (loaded.current && ailing?.(loaded.current.value))
    },
    onChange: (listener) => loaded.onChange(() => listener()),
    close: () => {
      closed = true
      watch?.close()
    },
  }
}
