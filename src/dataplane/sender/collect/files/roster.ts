/** All files that are followed, and those that are gone and may come back. */
import type { Time } from '../../../time.ts'
import { type Checkpoint } from './checkpoint-format.ts'
import { type Findings, type FoundFile, isHidden } from './find.ts'
import type { TailLimits } from './limits.ts'
import type { Report } from './report.ts'
import { fileOf, newFile, type ReaderOptions, type TailedFile } from './tailed-file.ts'

export interface Roster {
  /** By device and inode. */
  readonly files: ReadonlyMap<string, TailedFile>
  byPath(path: string): TailedFile | undefined
  /** Takes up what was found; its answer is those files at which something has changed. */
  apply(findings: Findings): TailedFile[]
  /** It is read to its end and no path leads to it. */
  retire(file: TailedFile): void
}

export interface RosterDeps {
  time: Time
  limits: TailLimits
  report: Report
  /** Files without a path, by key: at first those of an earlier process. */
  absent: Map<string, TailedFile>
  options(this: void): ReaderOptions
}

/** What an earlier process left, as files that may be found. */
export function absentFiles(
  checkpoints: readonly Checkpoint[],
  options: ReaderOptions,
  now: number,
): Map<string, TailedFile> {
  const files = checkpoints.map((checkpoint, index) => {
    const file = { ...fileOf(checkpoint, options), goneAt: now }
    // What was truncated has no inode any more, only perhaps a copy.
    return [checkpoint.inode === '' ? `former:${index}` : file.key, file] as const
  })
  return new Map(files)
}

export function createRoster({ time, limits, report, absent, options }: RosterDeps): Roster {
  const files = new Map<string, TailedFile>()
  let paths = new Map<string, TailedFile>()

  function meet(found: FoundFile): TailedFile | undefined {
    const known = files.get(found.key)
    if (known) return known
    if (files.size >= limits.files) {
      report.tooMany(found.path)
      return undefined
    }
    const back = absent.get(found.key)
    absent.delete(found.key)
    const file = back ?? newFile(found, options())
    // Nobody had it open meanwhile, so it may be another one with its inode.
    file.isVerified = false
    // Renamed while nobody looked is renamed as well.
    files.set(found.key, file)
    return file
  }

  function place(file: TailedFile, { path, size, modified }: FoundFile): boolean {
    if (file.path !== path) {
      report.rotated('renamed', path)
      file.path = path
    }
    file.goneAt = undefined
    return !file.isVerified || file.size !== size || file.modified !== modified
  }

  function forget(): void {
    const now = time.now()
    for (const [key, file] of absent) {
      const isOld = now - (file.goneAt ?? now) >= limits.memory
      if (!(isOld && file.progress.pending === 0) && absent.size <= limits.files) continue
      absent.delete(key)
      const unread = file.size - file.progress.given.offset
      if (!file.isVerified && unread > 0) report.lost(file.path, unread)
    }
  }

  return {
    files,
    byPath: (path) => paths.get(path),
    apply({ files: found, problems }) {
      const changed: TailedFile[] = []
      paths = new Map()
      for (const each of found.values()) {
        const file = meet(each)
        if (!file) continue
        paths.set(each.path, file)
        if (place(file, each)) changed.push(file)
      }
      for (const file of files.values()) {
        if (found.has(file.key) || file.goneAt !== undefined) continue
        // What could not be looked at is not gone; and a folder that never can be holds up no other file.
        if (isHidden(file.path, { problems })) continue
        file.goneAt = time.now()
        changed.push(file)
      }
      forget()
      return changed
    },
    retire(file) {
      files.delete(file.key)
      if (file.phase === 'followed') absent.set(file.key, file)
    },
  }
}
