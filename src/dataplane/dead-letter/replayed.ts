/**
 * Which dead letters were sent again and acknowledged: a file of digests beside them, one a line. The letters themselves
 * belong to the sidecar, which appends and replaces while it runs; nobody else writes there, so nothing can be lost
 * between the two. Letters are sent, then marked: a replay that is killed between repeats what it had just sent.
 */
import { constants } from 'node:fs'
import { open, readFile, rename, type FileHandle } from 'node:fs/promises'
import { isMissing } from './missing.ts'

export interface Replayed {
  /** Asked once for each letter: of equal ones as many are replayed as were marked. */
  has(digest: string): boolean
}

/** `path` may be absent; rejects when it cannot be read. */
export async function readReplayed(path: string): Promise<Replayed> {
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    if (isMissing(error)) return ''
    throw error
  })
  const left = new Map<string, number>()
  // A torn last line is no mark.
  for (const digest of text.split('\n').slice(0, -1)) left.set(digest, (left.get(digest) ?? 0) + 1)
  return {
    has(digest) {
      const count = left.get(digest) ?? 0
      if (count > 0) left.set(digest, count - 1)
      return count > 0
    },
  }
}

export interface Marks {
  /** Resolves when they are on the disk. */
  add(digests: readonly string[]): Promise<void>
  /** With all letters that are there, marks of others go. */
  close(letters?: readonly string[]): Promise<void>
}

/** Rejects where nothing can be written: better told before anything is sent. */
export async function openMarks(path: string): Promise<Marks> {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR
  const handle = await open(path, flags)
  await cutTornMark(handle)
  return {
    async add(digests) {
      if (digests.length === 0) return
      await handle.appendFile(digests.map((digest) => `${digest}\n`).join(''))
      await handle.datasync()
    },
    async close(letters) {
      await handle.close()
      if (letters === undefined) return
      const marked = await readReplayed(path)
      const kept = letters.filter((digest) => marked.has(digest))
      const fresh = await open(`${path}.new`, 'w')
      try {
        await fresh.writeFile(kept.map((digest) => `${digest}\n`).join(''))
        await fresh.datasync()
      } finally {
        await fresh.close()
      }
      await rename(`${path}.new`, path)
    },
  }
}

/** Else the next one would stand on its line. */
async function cutTornMark(handle: FileHandle): Promise<void> {
  const content = await handle.readFile('latin1')
  const whole = content.lastIndexOf('\n') + 1
  if (whole < content.length) await handle.truncate(whole)
}
