/** Appends to a file. Delivered means written, and with `fsync` on the disk. A torn write is cut back before the retry. */
import { constants, type Stats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { messageOf } from '../../../errors.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

const newline = 0x0a
const openBrace = 0x7b
const space = 0x20

export function createFileDeliverer(path: string, fsync: boolean): Deliverer {
  const turns = createTurns(1)
  let handle: FileHandle | undefined
  /** Set while the file holds a part of a batch that could not be cut back. */
  let tornAt: number | undefined

  /**
   * The file at the path, opened anew when another took its place (it was rotated); with its size, where it has one that
   * it can be cut back to: pipes and devices have none.
   */
  async function opened(): Promise<{ file: FileHandle; size: number | undefined }> {
    if (handle !== undefined) {
      const [ours, there] = await Promise.all([handle.stat(), statOrNothing(path)])
      if (there !== undefined && there.ino === ours.ino && there.dev === ours.dev) {
        return { file: handle, size: sizeOf(ours) }
      }
      const old = handle
      handle = undefined
      tornAt = undefined
      await old.close()
    }
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_RDWR
    const file = await open(path, flags)
    try {
      await mendEnd(file)
      const size = sizeOf(await file.stat())
      handle = file
      return { file, size }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async function append(events: Events): Promise<DeliveryResult> {
    let written: { file: FileHandle; size: number | undefined } | undefined
    try {
      const { file, size } = await opened()
      if (tornAt !== undefined) {
        await file.truncate(tornAt)
        written = { file, size: tornAt }
        tornAt = undefined
      } else written = { file, size }
      await file.appendFile(events.body)
      if (fsync) await file.datasync()
      return delivered
    } catch (error) {
      if (written?.size !== undefined) await cutBack(written.file, written.size)
      return failed(messageOf(error))
    }
  }

  async function cutBack(file: FileHandle, size: number): Promise<void> {
    try {
      await file.truncate(size)
    } catch {
      // Tried again before the next write; until then nothing is written after the torn part.
      tornAt = size
    }
  }

  return {
    // Once begun it is not called back at the deadline: the disk answers when it does.
    deliver: (events, deadline) => turns.run(deadline, () => append(events)),
    async close() {
      await turns.idle()
      await handle?.close()
      handle = undefined
    },
  }
}

/**
 * A last line without its end: cut away when it is an event that a crash tore (its sender has it still), else ended, as
 * it may be somebody else's.
 */
async function mendEnd(file: FileHandle): Promise<void> {
  const { size } = await file.stat()
  if (size === 0) return
  const tail = await lastLine(file, size)
  if (tail.length === 0) return
  const first = tail.find((byte) => byte > space)
  if (first === undefined || (first === openBrace && !isJson(tail)))
    await file.truncate(size - tail.length)
  else await file.appendFile('\n')
}

/** The bytes after the last newline; empty when the file ends with one. Looks back 64 MiB at most. */
async function lastLine(file: FileHandle, size: number): Promise<Buffer> {
  for (let length = Math.min(size, 4096); ; length = Math.min(size, length * 16)) {
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.allocUnsafe(length),
      position: size - length,
    })
    const tail = buffer.subarray(0, bytesRead)
    const start = tail.lastIndexOf(newline) + 1
    if (start > 0 || length === size || length >= 64 * 2 ** 20) return tail.subarray(start)
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

function sizeOf(stats: Stats): number | undefined {
  return stats.isFile() ? stats.size : undefined
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
