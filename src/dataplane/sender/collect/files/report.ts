/** What operators hear of the tail: counts, its part of /status, and one log line for each cause. */
import type { Log } from '../../../../telemetry/log.ts'
import type { Rotation, TailMetrics, TailNumbers } from './metrics.ts'
import type { TailedFile } from './tailed-file.ts'

const meanings: Record<Rotation, string> = {
  renamed: 'A file was renamed and is read on under its new name',
  truncated: 'A file was truncated and is read from its beginning again',
  replaced: 'An inode bears another file than before, which is read from its beginning',
  copied: 'A file is the copy of one that was truncated, and is read on where that one was',
  deleted: 'A file was deleted and is read to its end',
  moved: 'A file has left the globs and is read to its end',
}

export interface Report {
  read(bytes: number): void
  rotated(kind: Rotation, path: string): void
  compressed(format: string, path: string): void
  /** It is one that this program writes. */
  own(this: void, path: string): void
  unreadable(file: TailedFile, problem: string): void
  readable(file: TailedFile): void
  /** No place among the open files. */
  full(file: TailedFile): void
  /** No place among the files. */
  tooMany(path: string): void
  /** The queue gave up events of it; they are read again. */
  dropped(path: string): void
  /** It is gone with bytes that were never read. */
  lost(path: string, bytes: number): void
  /** Folders that cannot be looked at. */
  problems(found: ReadonlyMap<string, string>): void
  status(): object
}

export interface ReportDeps {
  metrics: TailMetrics
  log: Log
  numbers(this: void): TailNumbers
  problem(this: void): string | undefined
}

export function createReport({ metrics, log, numbers, problem }: ReportDeps): Report {
  const said = new Set<string>()
  let folders = ''

  function once(cause: string, say: () => void): void {
    if (said.has(cause)) return
    said.add(cause)
    say()
  }

  return {
    read: metrics.read,
    rotated(kind, path) {
      metrics.rotated(kind)
      once(kind, () => log.info({ file: path }, `${meanings[kind]} (further ones are counted)`))
      log.debug({ file: path, kind }, 'A file was rotated')
    },
    compressed(format, path) {
      metrics.skipped()
      once(format, () =>
        log.info(
          { file: path, format },
          'Compressed files are not read (further ones are counted)',
        ),
      )
    },
    own(path) {
      log.warn(
        { file: path },
        'The globs take files that the sender writes itself: they are not read (said once)',
      )
    },
    unreadable(file, reason) {
      if (file.problem !== reason) {
        log.warn({ file: file.path, problem: reason }, 'A file cannot be read; it is tried again')
      }
      file.problem = reason
    },
    readable(file) {
      if (file.problem === undefined) return
      file.problem = undefined
      log.info({ file: file.path }, 'A file can be read again')
    },
    full({ path }) {
      metrics.limitHit()
      once('full', () => {
        log.warn({ file: path }, 'Too many files are open and not read to their end: others wait')
      })
    },
    tooMany(path) {
      metrics.limitHit()
      once('tooMany', () => {
        log.error({ file: path }, 'The globs match too many files: further ones are not read')
      })
    },
    dropped(path) {
      once('dropped', () => {
        log.warn({ file: path }, 'The queue dropped events of a file, which are read again')
      })
    },
    lost(path, bytes) {
      metrics.lost(bytes)
      log.error({ file: path, bytes }, 'A file is gone that was not read to its end')
    },
    problems(found) {
      const text = [...found].map(([path, reason]) => `${path}: ${reason}`).join('; ')
      if (text !== folders && text !== '') {
        log.warn({ problem: text.slice(0, 1000) }, 'Not all files can be looked for')
      }
      folders = text
    },
    status: () => ({ ...numbers(), problem: problem() ?? (folders.slice(0, 1000) || undefined) }),
  }
}
