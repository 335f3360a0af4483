/**
 * Keeps checkpoints in a folder. They are written to a new file, synced and renamed over the older one of two, so that at
 * any moment of a crash a whole one is there; a damaged one is put aside, and the other one counts: lines since then come
 * twice rather than never.
 */
import { join } from 'node:path'
import { messageOf } from '../../../../errors.ts'
import type { Log } from '../../../../telemetry/log.ts'
import type { Disk } from '../../../disk/disk.ts'
import type { Time } from '../../../time.ts'
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

/** Milliseconds between writings, and what part of the time they take at most. */
const interval = 200
const share = 20

const names = ['checkpoints-a', 'checkpoints-b'] as const
const newName = 'checkpoints.new'

/** Never rejects: where nothing can be read, files are read from their beginning, and it is said. */
export async function openCheckpoints(deps: CheckpointsDeps): Promise<Checkpoints> {
  const { directory, disk, time, log, read } = deps
  let generation = 0
  /** The one that is overwritten next. */
  let next: (typeof names)[number] = names[0]
  let loaded: Checkpoint[] = []
  let problem: string | undefined
  let isStale = false
  let isClosed = false
  let least = interval
  let callOff: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()

  function say(what: string, error: unknown): void {
    const message = messageOf(error)
    // Once per cause, as it is tried again and again.
    if (message !== problem) log.error({ directory, problem: message }, what)
    problem = message
  }

  async function load(): Promise<void> {
    await disk.makeFolder(directory)
    const present = await disk.list(directory)
    for (const name of names.filter((each) => present.includes(each))) {
      const content = decodeCheckpoints(await bytesOf(disk, join(directory, name)))
      if ('damage' in content) {
        await setAside(name, content.damage)
      } else if (content.generation >= generation) {
        loaded = content.checkpoints
        generation = content.generation
        next = name === names[0] ? names[1] : names[0]
      }
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

  async function write(): Promise<void> {
    const since = time.now()
    isStale = false
    try {
      const bytes = encodeCheckpoints({ generation: generation + 1, checkpoints: read() })
      await replace(bytes)
      generation += 1
      next = next === names[0] ? names[1] : names[0]
      if (problem !== undefined) log.info({ directory }, 'Checkpoints are written again')
      problem = undefined
    } catch (error) {
      isStale = true
      say('Checkpoints cannot be written: a restart reads lines again', error)
    }
    least = Math.max(interval, (time.now() - since) * share)
  }

  async function replace(bytes: Buffer): Promise<void> {
    const path = join(directory, newName)
    await disk.makeFolder(directory)
    if ((await disk.list(directory)).includes(newName)) await disk.remove(path)
    const file = await disk.open(path, 'create')
    try {
      await file.write(0, bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.rename(path, join(directory, next))
    await disk.syncFolder(directory)
  }

  function schedule(): void {
    if (callOff || isClosed) return
    callOff = time.after(least, () => {
      writing = write().then(() => {
        callOff = undefined
        if (isStale) schedule()
      })
    })
  }

  try {
    await load()
  } catch (error) {
    say('Checkpoints cannot be read: files are read from their beginning', error)
  }
  return {
    loaded,
    changed() {
      isStale = true
      schedule()
    },
    problem: () => problem,
    async close() {
      isClosed = true
      callOff?.()
      await writing
      if (isStale) await write()
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
