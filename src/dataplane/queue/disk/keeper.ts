/** Notes on the disk what is acknowledged: at once, yet not too often; never waited for, and only the last state. */
import { join } from 'node:path/posix'
import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import {
  encodeAcknowledged,
  otherPlace,
  placeBytes,
  type AcknowledgedState,
} from './acknowledged.ts'
import { acknowledgedName, type Recovered } from './recover.ts'
import type { Trouble } from './trouble.ts'

export interface KeeperDeps {
  directory: string
  disk: Disk
  time: Time
  trouble: Trouble
  senderId: string
  recovered: Pick<Recovered, 'turn' | 'syncedPlace'>
}

export interface Keeper {
  /** `state` is asked for when the time to write has come. */
  keep(state: () => AcknowledgedState): void
  /** The same at once, and it outlives a loss of power where the disk lets it. Never rejects. */
  keepNow(state: () => AcknowledgedState): Promise<void>
  /** Never rejects. */
  close(last: AcknowledgedState): Promise<void>
}

/** From the beginning of one note to the next, ms: what a kill repeats at most is what was delivered within this time. */
const interval = 20

export function createKeeper(deps: KeeperDeps): Keeper {
  const { directory, disk, time, trouble, senderId } = deps
  const path = join(directory, acknowledgedName)
  let { turn, syncedPlace } = deps.recovered
  let file: DiskFile | undefined
  let scheduled: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()
  let closed = false
  let isNameSynced = false
  let notBefore = Number.NEGATIVE_INFINITY

  async function write(state: AcknowledgedState, isSynced: boolean): Promise<void> {
    try {
      file ??= await disk.open(path, 'existing').catch(async (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
        return await disk.open(path, 'create')
      })
      turn += 1
      const next = otherPlace(syncedPlace)
      const place = isSynced ? next : turn % 2
      await file.write(place * placeBytes, encodeAcknowledged(senderId, turn, state))
      if (isSynced) {
        await file.sync()
        // Else the file itself could be gone.
        if (!isNameSynced) await disk.syncFolder(directory)
        isNameSynced = true
        syncedPlace = next
      }
      trouble.well('acknowledge')
    } catch (error) {
      trouble.hit('acknowledge', error)
    }
  }

  return {
    keep(state) {
      if (scheduled !== undefined || closed) return
      scheduled = time.after(Math.max(0, notBefore - time.now()), () => {
        notBefore = time.now() + interval
        writing = writing.then(async () => {
          // What comes from here on is not in it.
          scheduled = undefined
          await write(state(), false)
        })
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
