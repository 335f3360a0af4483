/**
 * Open files, at most so many. At the limit the one that rests longest is closed, which loses nothing: it is read to its
 * end and still there by its path. When all that are open are still needed, a new file waits.
 */
import { type FileHandle, open } from 'node:fs/promises'

export interface Descriptors {
  get(key: string): FileHandle | undefined
  /** `full`: no place, now. Rejects when the file cannot be opened. */
  open(key: string, path: string): Promise<FileHandle | 'full'>
  close(key: string): Promise<void>
  count(): number
  closeAll(): Promise<void>
}

export interface DescriptorsDeps {
  limit: number
  /** May this one be opened by its path later with nothing lost? */
  mayClose(this: void, key: string): boolean
  onClose(this: void, key: string): void
}

export function createDescriptors({ limit, mayClose, onClose }: DescriptorsDeps): Descriptors {
  /** The one that rests longest first. */
  const handles = new Map<string, FileHandle>()

  async function close(key: string): Promise<void> {
    const handle = handles.get(key)
    handles.delete(key)
    await handle?.close()
  }

  async function makeRoom(): Promise<boolean> {
    for (const key of handles.keys()) {
      if (!mayClose(key)) continue
      onClose(key)
      await close(key)
      return true
    }
    return false
  }

  return {
    get(key) {
      const handle = handles.get(key)
      if (!handle) return undefined
      handles.delete(key)
      handles.set(key, handle)
      return handle
    },
    async open(key, path) {
      if (handles.size >= limit && !(await makeRoom())) return 'full'
      try {
        const handle = await open(path, 'r')
        handles.set(key, handle)
        return handle
      } catch (error) {
        // The process has fewer than our limit.
        const code = error instanceof Error && 'code' in error ? error.code : undefined
        if (code !== 'EMFILE' && code !== 'ENFILE') throw error
        await makeRoom()
        return 'full'
      }
    },
    close,
    count: () => handles.size,
    async closeAll() {
      await Promise.all([...handles.keys()].map(close))
    },
  }
}
