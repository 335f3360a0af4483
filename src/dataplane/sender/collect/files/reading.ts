/**
 * Bytes of open files. What is small and in the kernel's cache is asked for without Node's threads: five times less work
 * (5 µs against 26), which counts with thousands of files and a small share of a processor.
 */
import { fstatSync, readSync, type BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { fingerprintBytes, fingerprintOf } from './fingerprint.ts'
import type { Place } from './progress.ts'

export function statsOf({ fd }: FileHandle): BigIntStats {
  return fstatSync(fd, { bigint: true })
}

export function headOf(handle: FileHandle, size: number): Buffer {
  return smallBytesAt(handle, 0, Math.min(size, fingerprintBytes))
}

/** Whether just before that place stands what stood there; what is not known is not compared. */
export function isBefore(handle: FileHandle, { offset, tail }: Place): boolean {
  const bytes = smallBytesAt(handle, offset - tail.length, tail.length)
  return fingerprintOf(bytes).digest === tail.digest
}

const small = 16 * 1024

function smallBytesAt({ fd }: FileHandle, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return length === 0 ? bytes : bytes.subarray(0, readSync(fd, bytes, 0, length, start))
}

/** Fewer at the end of the file. The buffer is the caller's own. */
export async function bytesAt(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  if (length <= small) return smallBytesAt(handle, start, Math.max(0, length))
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start)
  return bytesRead === length ? buffer : buffer.subarray(0, bytesRead)
}
