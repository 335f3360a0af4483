/**
 * What tells files apart beside device and inode: a digest of their first bytes. An inode is given away again once its
 * file is gone, and a truncated file keeps its own; the first lines of another log differ, if only by their times.
 */
import { hash } from 'node:crypto'

export interface Fingerprint {
  /** How many of the first bytes it covers: it grows with the file up to `fingerprintBytes`. */
  readonly length: number
  readonly digest: string
}

export const fingerprintBytes = 1024

export const noFingerprint: Fingerprint = { length: 0, digest: '' }

/** Of a file's first bytes, or, for a checkpoint, of the last ones before it. */
export function fingerprintOf(bytes: Buffer): Fingerprint {
  return bytes.length === 0 ? noFingerprint : { length: bytes.length, digest: digestOf(bytes) }
}

/**
 * Of the same file later, from its first bytes as they are now, at most `fingerprintBytes`; undefined when it is another
 * file, or the same one written anew.
 */
export function grownFingerprint(known: Fingerprint, head: Buffer): Fingerprint | undefined {
  if (head.length < known.length) return undefined
  const same = known.length === 0 || digestOf(head.subarray(0, known.length)) === known.digest
  if (!same) return undefined
  return head.length === known.length ? known : fingerprintOf(head)
}

/** A short one says little: whole files may begin alike for so long. */
export function isFull({ length }: Fingerprint): boolean {
  return length === fingerprintBytes
}

function digestOf(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64')
}
