/** Bytes of open files. */
import type { FileHandle } from 'node:fs/promises'
import { fingerprintBytes } from './fingerprint.ts'

export async function headOf(handle: FileHandle, size: number): Promise<Buffer> {
  return await bytesAt(handle, 0, Math.min(size, fingerprintBytes))
}

/** Fewer at the end of the file. The buffer is the caller's own. */
export async function bytesAt(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0)
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start)
  return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
}
