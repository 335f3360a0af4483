/**
 * Damaged bytes go into the folder `corrupt`, for people to look at: bounded, and named after their place, so that they are
 * counted once however often a restart finds them.
 */
import { join } from 'node:path/posix'
import { messageOf } from '../../../errors.ts'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Damage } from './scan.ts'
import type { Segment } from './segments.ts'
import type { QueueLog } from './trouble.ts'

export interface SetAsideDeps {
  directory: string
  disk: Disk
  /** Bytes that are kept in all. */
  limit: number
  log: QueueLog
  onCorrupt(this: void, bytes: number): void
}

export interface SetAside {
  /** Never rejects: what cannot be kept is counted and logged all the same. */
  keep(segment: Segment, file: DiskFile, damage: Damage): Promise<void>
}

const pieceBytes = 1024 * 1024

/** Looks at what earlier lives set aside. Never rejects. */
export async function openSetAside(deps: SetAsideDeps): Promise<SetAside> {
  const { directory, disk, limit, log, onCorrupt } = deps
  const folder = join(directory, 'corrupt')
  const known = new Set<string>()
  let kept = 0
  try {
    for (const name of await disk.list(folder)) {
      known.add(name)
      const file = await disk.open(join(folder, name), 'existing')
      kept += await file.size()
      await file.close()
    }
  } catch (error) {
    log.warn({ problem: messageOf(error) }, 'What was set aside earlier cannot be looked at')
  }

  async function copy(from: DiskFile, { at, end }: Damage, path: string): Promise<void> {
    await disk.makeFolder(folder)
    const to = await disk.open(path, 'create')
    try {
      for (let done = at; done < end; ) {
        const piece = await from.read(done, Math.min(pieceBytes, end - done))
        if (piece.length === 0) break
        await to.write(done - at, piece)
        done += piece.length
      }
    } finally {
      await to.close()
    }
  }

  return {
    async keep(segment, file, damage) {
      const name = `${segment.number}-${segment.marker.toString('hex')}-${damage.at}`
      if (known.has(name)) return
      known.add(name)
      const bytes = damage.end - damage.at
      onCorrupt(bytes)
      const path = join(folder, name)
      const hasRoom = kept + bytes <= limit
      log.error(
        { segment: segment.path, at: damage.at, bytes, ...(hasRoom ? { path } : {}) },
        hasRoom
          ? 'A part of the queue is damaged: it is set aside, the rest goes on'
          : 'A part of the queue is damaged: it is skipped, as what is set aside has its most bytes; the rest goes on',
      )
      if (!hasRoom) return
      kept += bytes
      try {
        await copy(file, damage, path)
      } catch (error) {
        log.warn({ problem: messageOf(error), path }, 'What is damaged cannot be set aside')
      }
    },
  }
}
