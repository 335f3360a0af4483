/** The machine's disk. */
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'

/** Events are the application's: nobody else reads them. A claimed volume gives the pod's group its share by itself. */
const fileMode = 0o660
const folderMode = 0o770

export function createRealDisk(): Disk {
  return {
    async makeFolder(path) {
      const first = await mkdir(path, { recursive: true, mode: folderMode })
      if (first === undefined) return
      // Each folder that was made is a name in the one above it.
      for (let made = path; made.length >= first.length; made = dirname(made)) {
        await syncFolder(dirname(made))
      }
    },
    async list(folder) {
      try {
        return await readdir(folder)
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return []
        throw error
      }
    },
    async open(path, how) {
      const { O_RDWR, O_CREAT, O_EXCL } = constants
      const flags = how === 'create' ? O_RDWR | O_CREAT | O_EXCL : O_RDWR
      return fileOf(await open(path, flags, fileMode))
    },
    async rename(from, to) {
      await rename(from, to)
    },
    async remove(path) {
      await rm(path)
    },
    syncFolder,
  }
}

function fileOf(handle: FileHandle): DiskFile {
  return {
    async size() {
      return (await handle.stat()).size
    },
    async read(at, length) {
      const buffer = Buffer.allocUnsafeSlow(length)
      let have = 0
      while (have < length) {
        const { bytesRead } = await handle.read(buffer, have, length - have, at + have)
        if (bytesRead === 0) break
        have += bytesRead
      }
      return have === length ? buffer : buffer.subarray(0, have)
    },
    async write(at, bytes) {
      let done = 0
      while (done < bytes.length) {
        // A short write is no error by itself: the rest of it says what is wrong.
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
        done += bytesWritten
      }
    },
    async truncate(length) {
      await handle.truncate(length)
    },
    async sync() {
      // The length of a file is synced with its data; times are not needed.
      await handle.datasync()
    },
    async close() {
      await handle.close()
    },
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
