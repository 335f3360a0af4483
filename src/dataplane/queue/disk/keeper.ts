/** Notes on the disk what is acknowledged: soon, never waited for, and only the last state. */
import { join } from 'node:path/posix'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import { encodeAcknowledged, placeBytes, type AcknowledgedState } from './acknowledged.ts'
import { acknowledgedName } from './recover.ts'
import type { Trouble } from './trouble.ts'

export interface KeeperDeps {
  directory: string
  disk: Disk
  time: Time
  trouble: Trouble
  senderId: string
  /** The highest that was seen. */
  turn: number
}

export interface Keeper {
  /** `state` is asked for when the time to write has come. */
  keep(state: () => AcknowledgedState): void
  /** The same at once, and it outlives a loss of power where the disk lets it. Never rejects. */
  keepNow(state: () => AcknowledgedState): Promise<void>
  /** Never rejects. */
  close(last: AcknowledgedState): Promise<void>
}

/** What a crash repeats at most is what was delivered within this time, ms. */
const laziness = 100

export function createKeeper(deps: KeeperDeps): Keeper {
  const { directory, disk, time, trouble, senderId } = deps
  const path = join(directory, acknowledgedName)
  let { turn } = deps
  let file: DiskFile | undefined
  let scheduled: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()
  let closed = false

  async function write(state: AcknowledgedState, isSynced: boolean): Promise<void> {
    try {
      file ??= await disk.open(path, 'existing').catch(async (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
        return await disk.open(path, 'create')
      })
      turn += 1
      await file.write((turn % 2) * placeBytes, encodeAcknowledged(senderId, turn, state))
      if (isSynced) await file.sync()
      trouble.well('acknowledge')
    } catch (error) {
      trouble.hit('acknowledge', error)
    }
  }

  return {
    keep(state) {
      if (scheduled !== undefined || closed) return
      scheduled = time.after(laziness, () => {
        scheduled = undefined
        writing = writing.then(() => write(state(), false))
      })
    },
    keepNow(state) {
      writing = writing.then(() => write(state(), true))
      return writing
    },
    async close(last) {
      closed = true
      scheduled?.()
      await writing
      await write(last, false)
      await file?.close().catch((error: unknown) => {
        trouble.hit('acknowledge', error)
      })
    },
  }
}
