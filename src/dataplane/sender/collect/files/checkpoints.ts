/**
 * Keeps checkpoints in a folder, in two ways at once; of all that is there the highest generation counts.
 *
 *   checkpoints-now     soon after each change and not synced: what a kill repeats is what became safe within 20 ms
 *   checkpoints-a, -b   each second and synced, the older one in turn: what a loss of power repeats
 *
 * Each is written to a new file and renamed, so that at any moment of a crash a whole one is there; a damaged one is put
 * aside, and another one counts: lines since then come twice rather than never.
 */
import { join } from 'node:path'
import { messageOf } from '../../../../errors.ts'
import type { Log } from '../../../../telemetry/log.ts'
import type { Disk } from '../../../disk/disk.ts'
import type { Time } from '../../../time.ts'
import { createCheckpointWriter } from './checkpoint-writer.ts'
import { type Checkpoint, decodeCheckpoints, encodeCheckpoints } from './checkpoint-format.ts'

export interface CheckpointsDeps {
  directory: string
  disk: Disk
  time: Time
  log: Log
  /** All that is to be kept, as it is now. */
  read(this: void): Checkpoint[]
}

export interface Checkpoints {
  /** What an earlier process left. */
  readonly loaded: readonly Checkpoint[]
  /** Something moved: it is written soon. */
  changed(): void
  /** Why the last writing failed. */
  problem(): string | undefined
  /** Writes what is not written yet, once. Never rejects. */
  close(): Promise<void>
}

/** Milliseconds between two writings. */
const unsyncedInterval = 20
const syncedInterval = 1_000

const syncedNames = ['checkpoints-a', 'checkpoints-b'] as const
const unsyncedName = 'checkpoints-now'

/** Never rejects: where nothing can be read, files are read from their beginning, and it is said. */
export async function openCheckpoints(deps: CheckpointsDeps): Promise<Checkpoints> {
  const { directory, disk, time, log, read } = deps
  let generation = 0
  /** The synced one that is overwritten next. */
  let next: (typeof syncedNames)[number] = syncedNames[0]
  let loaded: Checkpoint[] = []
  let unreadable: string | undefined
  let isRefused = false

  async function load(): Promise<void> {
    await disk.makeFolder(directory)
    const present = await disk.list(directory)
    let newestSynced = 0
    for (const name of [...syncedNames, unsyncedName].filter((each) => present.includes(each))) {
      const content = decodeCheckpoints(await bytesOf(disk, join(directory, name)))
      if ('damage' in content) {
        await setAside(name, content.damage)
        continue
      }
      if (content.generation >= generation) {
        loaded = content.checkpoints
        generation = content.generation
      }
      if (name === unsyncedName || content.generation < newestSynced) continue
      newestSynced = content.generation
      next = name === syncedNames[0] ? syncedNames[1] : syncedNames[0]
    }
  }

  async function setAside(name: string, damage: string): Promise<void> {
    const aside = `${name}.damaged`
    log.error(
      { directory, file: name, aside, damage },
      'A file of checkpoints is damaged and was put aside: lines may come twice',
    )
    await disk.rename(join(directory, name), join(directory, aside))
  }

  function encode(): Buffer {
    generation += 1
    return encodeCheckpoints({ generation, checkpoints: read() })
  }

  try {
    await load()
  } catch (error) {
    unreadable = messageOf(error)
    log.error(
      { directory, problem: unreadable },
      'Checkpoints cannot be read: files are read from their beginning',
    )
  }
  const writer = { directory, disk, time, encode, onFailed: tell }
  const unsynced = createCheckpointWriter({
    ...writer,
    interval: unsyncedInterval,
    isSynced: false,
    name: () => unsyncedName,
    onWritten: tell,
  })
  const synced = createCheckpointWriter({
    ...writer,
    interval: syncedInterval,
    isSynced: true,
    name: () => next,
    onWritten() {
      next = next === syncedNames[0] ? syncedNames[1] : syncedNames[0]
      tell()
    },
  })

  function writingProblem(): string | undefined {
    return synced.problem() ?? unsynced.problem()
  }

  /** Once, as it is tried again and again. */
  function tell(): void {
    const problem = writingProblem()
    if (problem === undefined) unreadable = undefined
    if ((problem !== undefined) === isRefused) return
    isRefused = problem !== undefined
    if (isRefused) {
      log.error(
        { directory, problem },
        'Checkpoints cannot be written: a restart reads lines again',
      )
    } else log.info({ directory }, 'Checkpoints are written again')
  }

  return {
    loaded,
    changed() {
      unsynced.changed()
      synced.changed()
    },
    problem: () => writingProblem() ?? unreadable,
    async close() {
      await unsynced.stop()
      await synced.close()
    },
  }
}

async function bytesOf(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'existing')
  try {
    return await file.read(0, await file.size())
  } finally {
    await file.close()
  }
}
