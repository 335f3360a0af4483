/**
 * Notices that files changed. By looking each second rather than by inotify: it sees plain writes, renames, files that
 * come late, the kubelet's swap of the `..data` symlink and network file systems alike, and a handful of stat calls a
 * second costs nothing that can be measured.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'

interface Look {
  /** What stat says of the file at the end of all symlinks, or why it says nothing. */
  identity: string
  /** Only where the file is so young that another write could leave its times and size as they are. */
  digest: string | undefined
}

/** File systems stamp times in steps; a write within the same step shows in nothing but the content. */
const youngMs = 2000

/**
 * Calls `onChange` once for all that changed since the last look. What is there at the call counts as known, so watch
 * first and load after. The watch alone keeps no program running.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  { log, intervalMs = 1000 }: { log: Log; intervalMs?: number },
): { close(): void } {
  let known = paths.map(lookAt)
  const timer = setInterval(() => {
    const seen = paths.map(lookAt)
    const changed = paths.filter((_, index) => differ(known[index], seen[index]))
    known = seen
    if (changed.length === 0) return
    log.debug({ files: changed }, 'Files changed')
    try {
      onChange()
    } catch (error) {
      log.error({ err: error, files: changed }, 'What should follow a change of files failed')
    }
  }, intervalMs)
  timer.unref()
  return { close: () => clearInterval(timer) }
}

function differ(before: Look | undefined, after: Look | undefined): boolean {
  if (before?.identity !== after?.identity) return true
  return (
    before?.digest !== undefined && after?.digest !== undefined && before.digest !== after.digest
  )
}

function lookAt(path: string): Look {
  try {
    const stat = statSync(path, { bigint: true })
    const identity = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ')
    // A FIFO would block the read, so only plain files are read.
    const young = stat.isFile() && Date.now() - Number(stat.mtimeMs) < youngMs
    return {
      identity,
      digest: young ? createHash('sha256').update(readFileSync(path)).digest('base64') : undefined,
    }
  } catch (error) {
    // Absent or unreadable is a state as well: whoever reads the file says so, and a change out of it is noticed.
    return { identity: messageOf(error), digest: undefined }
  }
}
