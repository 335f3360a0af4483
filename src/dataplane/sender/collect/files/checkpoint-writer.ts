/** Writes the last state of checkpoints after a change: at once, yet never twice within the interval. */
import { join } from 'node:path'
import { messageOf } from '../../../../errors.ts'
import type { Disk } from '../../../disk/disk.ts'
import type { Time } from '../../../time.ts'

export interface CheckpointWriterDeps {
  directory: string
  disk: Disk
  time: Time
  /** At least so much from the beginning of one writing to the next, ms. */
  interval: number
  /** It is to outlive a loss of power. */
  isSynced: boolean
  /** What is replaced. */
  name(this: void): string
  encode(this: void): Buffer
  onWritten(this: void): void
  /** `problem` says why; it is tried again. */
  onFailed(this: void): void
}

export interface CheckpointWriter {
  changed(): void
  /** Why the last writing failed. */
  problem(): string | undefined
  /** Writes nothing more, and so has no problem. */
  stop(): Promise<void>
  /** Ends with one try at what is not written yet. Never rejects. */
  close(): Promise<void>
}

/** What part of the time writing takes at most: with thousands of files it is work, and synced it keeps the disk busy. */
const share = 20

export function createCheckpointWriter(deps: CheckpointWriterDeps): CheckpointWriter {
  const { directory, disk, time, interval, isSynced, name, encode, onWritten, onFailed } = deps
  let problem: string | undefined
  let isStale = false
  let isClosed = false
  let notBefore = Number.NEGATIVE_INFINITY
  let callOff: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const since = time.now()
    let work = 0
    isStale = false
    try {
      const bytes = encode()
      work = time.now() - since
      await replace(bytes)
      problem = undefined
      onWritten()
    } catch (error) {
      isStale = true
      problem = messageOf(error)
      onFailed()
    }
    // Without a sync the rest of the time is waiting, which costs nobody anything.
    const cost = isSynced ? time.now() - since : work
    notBefore = since + Math.max(interval, cost * share)
  }

  async function replace(bytes: Buffer): Promise<void> {
    const target = name()
    const path = join(directory, `${target}.new`)
    // Each call is a turn of a loop that is busy reading: no more of them than it takes.
    const file = await disk.open(path, 'create').catch(async (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENOENT') await disk.makeFolder(directory)
      // A crash, or a full disk, left it.
      else if (code === 'EEXIST') await disk.remove(path)
      else throw error
      return await disk.open(path, 'create')
    })
    try {
      await file.write(0, bytes)
      if (isSynced) await file.sync()
    } finally {
      await file.close()
    }
    await disk.rename(path, join(directory, target))
    if (isSynced) await disk.syncFolder(directory)
  }

  function schedule(): void {
    if (callOff || isClosed) return
    callOff = time.after(Math.max(0, notBefore - time.now()), () => {
      writing = write().then(() => {
        callOff = undefined
        if (isStale) schedule()
      })
    })
  }

  async function stop(): Promise<void> {
    isClosed = true
    callOff?.()
    await writing
  }

  return {
    changed() {
      isStale = true
      schedule()
    },
    problem: () => problem,
    async stop() {
      await stop()
      problem = undefined
    },
    async close() {
      await stop()
      if (isStale) await write()
    },
  }
}
