/**
 * Where events go that are themselves at fault: NDJSON in two halves, so that the oldest part goes when it is full.
 *
 *   dead-letters.ndjson    the newer half, appended to
 *   dead-letters.1.ndjson  the older half; replaced when the newer one is full, and what it held is counted and logged
 */
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, stat, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { TransientError, messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { deadLetterLine, type DeadLetter } from './dead-letter-line.ts'
import { isMissing } from './missing.ts'

export type { DeadLetter } from './dead-letter-line.ts'

export interface DeadLetters {
  /** Resolves when all are on the disk; rejects with LSL_DEAD_LETTER_FAILED, and then none counts as kept. */
  keep(letters: readonly DeadLetter[]): Promise<void>
  /** What stands in both files, and how many had to go since the start. */
  status(): { kept: number; bytes: number; dropped: number }
  close(): Promise<void>
}

export interface DeadLetterDependencies {
  /** Bytes of both files together; a changed bound holds from the next letter on. */
  maxSize: () => number
  now: () => Date
  log: Log
  /** Another program writes there now: nothing is kept any more. */
  isLost?(this: void): boolean
  /** Hears of letters that made room for newer ones. */
  onDropped(this: void, count: number): void
}

interface Half {
  count: number
  bytes: number
}

/** Never rejects. Reads what an earlier life left; the folder is made when the first letter comes. */
export async function openDeadLetters(
  directory: string,
  dependencies: DeadLetterDependencies,
): Promise<DeadLetters> {
  const { maxSize, now, log, onDropped } = dependencies
  const newerPath = join(directory, 'dead-letters.ndjson')
  const olderPath = join(directory, 'dead-letters.1.ndjson')
  const reasons = new Set<string>()
  let newer: Half = { count: 0, bytes: 0 }
  let older: Half = { count: 0, bytes: 0 }
  let dropped = 0
  /** It is known what both files hold; before that nothing may be cut or replaced. */
  let isSized = false
  let handle: FileHandle | undefined
  let turn: Promise<unknown> = Promise.resolve()

  async function sizeBoth(): Promise<void> {
    newer = await sizeUp(newerPath, newer)
    older = await sizeUp(olderPath, older)
  }

  async function append(lines: Buffer): Promise<void> {
    if (dependencies.isLost?.()) throw new Error('Another program took over this folder')
    if (handle === undefined) {
      await mkdir(directory, { recursive: true })
      // What a crash tore is cut back, or the next letter would stand on its line.
      if ((await sizeOf(newerPath)) > newer.bytes) await truncate(newerPath, newer.bytes)
      handle = await open(newerPath, constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY)
    }
    try {
      await handle.appendFile(lines)
      await handle.datasync()
    } catch (error) {
      await handle.close().catch((closing: unknown) => log.debug({ err: closing }, 'Cannot close'))
      handle = undefined
      throw error
    }
  }

  function countDropped(count: number): void {
    if (count === 0) return
    dropped += count
    onDropped(count)
    log.warn(
      { count, file: olderPath, maxSize: maxSize() },
      'The dead-letter file is full: its oldest part is gone',
    )
  }

  async function rotate(): Promise<void> {
    await handle?.close()
    handle = undefined
    await rename(newerPath, olderPath)
    countDropped(older.count)
    older = newer
    newer = { count: 0, bytes: 0 }
  }

  /** Only where an earlier bound was larger: both halves fit otherwise. */
  async function dropOlder(): Promise<void> {
    await rm(olderPath, { force: true })
    countDropped(older.count)
    older = { count: 0, bytes: 0 }
  }

  async function keep(letters: readonly DeadLetter[]): Promise<void> {
    const time = now()
    const limit = maxSize()
    const half = Math.max(1, Math.floor(limit / 2))
    // What could not be read at the start can be now, or the letters wait; and somebody may have written there since.
    if (!isSized) await sizeBoth()
    isSized = true
    let pending: Buffer[] = []
    let bytes = 0
    async function flush(): Promise<void> {
      if (pending.length === 0) return
      await append(Buffer.concat(pending, bytes))
      newer = { count: newer.count + pending.length, bytes: newer.bytes + bytes }
      pending = []
      bytes = 0
    }
    for (const letter of letters) {
      const line = deadLetterLine(letter, time, half)
      if (newer.bytes + bytes + line.length > half) {
        await flush()
        if (newer.count > 0) await rotate()
      }
      if (older.count > 0 && older.bytes + half > limit) await dropOlder()
      pending.push(line)
      bytes += line.length
      if (!reasons.has(letter.reason) && reasons.size < 100) {
        reasons.add(letter.reason)
        log.warn(
          { reason: letter.reason, file: newerPath },
          'An event is at fault and goes to the dead-letter file; more for this reason are only counted',
        )
      }
    }
    await flush()
  }

  // No reason not to start: whether a letter can be kept shows when the first one comes.
  await sizeBoth().catch((error: unknown) =>
    log.warn({ err: error, directory }, 'The dead-letter files cannot be read'),
  )

  return {
    keep(letters) {
      const kept = turn.then(async () => {
        try {
          await keep(letters)
        } catch (cause) {
          throw new TransientError('LSL_DEAD_LETTER_FAILED', [newerPath, messageOf(cause)], {
            cause,
          })
        }
      })
      turn = kept.catch(() => undefined)
      return kept
    },
    status: () => ({
      kept: newer.count + older.count,
      bytes: newer.bytes + older.bytes,
      dropped,
    }),
    async close() {
      await turn
      await handle?.close()
      handle = undefined
    },
  }
}

const pieceBytes = 256 * 1024

/** Whole lines alone count; those in `from` are counted already. In pieces, as files may be larger than the memory. */
async function sizeUp(path: string, from: Half): Promise<Half> {
  const size = await sizeOf(path)
  if (size <= from.bytes) return from
  const handle = await open(path, constants.O_RDONLY)
  try {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - from.bytes))
    let { count, bytes } = from
    for (let position = bytes; ; ) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, position)
      if (bytesRead === 0) return { count, bytes }
      const read = piece.subarray(0, bytesRead)
      for (let at = read.indexOf(0x0a); at !== -1; at = read.indexOf(0x0a, at + 1)) {
        count += 1
        bytes = position + at + 1
      }
      position += bytesRead
    }
  } finally {
    await handle.close()
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
