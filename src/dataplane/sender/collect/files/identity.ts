/** Opens files and says what they are: the one that is known, another one, a copy, a compressed one. */
import type { FileHandle } from 'node:fs/promises'
import { messageOf } from '../../../../errors.ts'
import type { Time } from '../../../time.ts'
import { compressionOf, magicBytes } from './compressed.ts'
import type { Descriptors } from './descriptors.ts'
import { keyOf } from './find.ts'
import { fingerprintOf, grownFingerprint, noFingerprint } from './fingerprint.ts'
import type { Formers } from './formers.ts'
import { createProgress } from './progress.ts'
import { headOf, isBefore, statsOf } from './reading.ts'
import type { Report } from './report.ts'
import { type Beginning, beginningOf, isItsOwn } from './rotation.ts'
import { newReader, type ReaderOptions, type TailedFile } from './tailed-file.ts'

/** Why there is nothing to read: no place or no right, another file at its path, or no path to it any more. */
export type Closed = 'blocked' | 'moved' | 'lost'

export interface Identity {
  open(file: TailedFile): Promise<FileHandle | Closed>
  /** Looks at its size, and at its beginning where it is not known what it is. True when nothing changed since. */
  takeStock(file: TailedFile, handle: FileHandle): Promise<boolean>
  /**
   * Whether it begins as it did, and, where nobody had it open since, whether it is the same up to where it was read; if
   * not, it is begun anew. To be asked after what was read, before that is used.
   */
  isSame(file: TailedFile, handle: FileHandle, head: Buffer): boolean
}

export interface IdentityDeps {
  time: Time
  descriptors: Descriptors
  formers: Formers
  report: Report
  /** All that may have been copied. */
  files(this: void): Iterable<TailedFile>
  /** Files of which it is not known yet which of them are new. */
  isFirstScan(this: void): boolean
  options(this: void): ReaderOptions
  /** Gives back the memory of a line's beginning, and goes back to it. */
  rewind(this: void, file: TailedFile): void
  onProgress(this: void): void
}

export function createIdentity(deps: IdentityDeps): Identity {
  const { time, descriptors, formers, report, files, isFirstScan, options, rewind } = deps

  async function open(file: TailedFile): Promise<FileHandle | Closed> {
    const known = descriptors.get(file.key)
    if (known) return known
    if (file.goneAt !== undefined) return 'lost'
    try {
      const handle = await descriptors.open(file.key, file.path)
      if (handle === 'full') {
        report.full(file)
        return 'blocked'
      }
      report.readable(file)
      if (keyOf(statsOf(handle)) === file.key) return handle
      await descriptors.close(file.key)
      return 'moved'
    } catch (error) {
      const isMoved = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (isMoved) return 'moved'
      report.unreadable(file, messageOf(error))
      return 'blocked'
    }
  }

  /** What is in the file now is not what was read. */
  function beginAnew(file: TailedFile): void {
    report.rotated(file.isVerified ? 'truncated' : 'replaced', file.path)
    formers.add(file)
    file.reader = newReader(options())
    // The memory of the line's beginning is counted for the former one.
    file.held = 0
    file.progress = createProgress()
    file.fingerprint = noFingerprint
    file.position = 0
    file.phase = 'new'
    file.suspicion = undefined
    file.mark = undefined
    deps.onProgress()
  }

  function isSame(file: TailedFile, handle: FileHandle, head: Buffer): boolean {
    const before = file.fingerprint
    const grown = grownFingerprint(before, head)
    // Each log may begin with the same lines, and an inode is given away again once its file is gone.
    if (!grown || !(file.isVerified || isBefore(handle, file.progress.given))) {
      beginAnew(file)
      return false
    }
    file.isVerified = true
    file.fingerprint = grown
    if (before.length < magicBytes && file.phase === 'followed') skipCompressed(file, head)
    return true
  }

  function skipCompressed(file: TailedFile, head: Buffer): void {
    const kind = compressionOf(head)
    if (kind === undefined) return
    file.phase = 'compressed'
    rewind(file)
    report.compressed(kind, file.path)
  }

  async function verify(file: TailedFile): Promise<void> {
    const handle = await open(file)
    if (typeof handle === 'string') return
    const size = Number(statsOf(handle).size)
    if (size < file.position) beginAnew(file)
    else isSame(file, handle, headOf(handle, size))
  }

  /** The file whose copy this may be, and which is there still. */
  async function modelOf(file: TailedFile, beginning: Beginning): Promise<TailedFile | undefined> {
    for (const other of files()) {
      const isModel = other !== file && other.phase === 'followed' && other.path !== file.path
      // What is new at a start was there before: nobody read a part of it.
      if (!isModel || (isFirstScan() && other.isVerified)) continue
      if (!beginning.isOf(other.fingerprint)) continue
      await verify(other)
      if (beginning.isOf(other.fingerprint)) return other
    }
    return undefined
  }

  async function decide(file: TailedFile, handle: FileHandle, head: Buffer): Promise<void> {
    const beginning = beginningOf(head)
    const candidate = { path: file.path, size: file.size, beginning }
    let progress = await formers.adopt(candidate, handle)
    if (!progress) {
      const model = await modelOf(file, beginning)
      progress = await formers.adopt(candidate, handle)
      if (!progress && model && !isFirstScan() && isSuspect(file)) return
    }
    file.phase = 'followed'
    file.suspicion = undefined
    file.fingerprint = fingerprintOf(head)
    file.isVerified = true
    if (progress) {
      report.rotated('copied', file.path)
      file.progress = progress
      deps.onProgress()
    }
    rewind(file)
    skipCompressed(file, head)
  }

  function isSuspect(file: TailedFile): boolean {
    const now = time.now()
    const { size } = file
    const before = file.suspicion ?? { since: now, grewAt: now, size }
    file.suspicion = size === before.size ? before : { ...before, grewAt: now, size }
    file.phase = isItsOwn(file.suspicion, now) ? 'followed' : 'suspect'
    return file.phase === 'suspect'
  }

  async function takeStock(file: TailedFile, handle: FileHandle): Promise<boolean> {
    const { size, mtimeNs } = statsOf(handle)
    const before = file.size
    const isQuiet = Number(size) === before && mtimeNs === file.modified && file.isVerified
    file.size = Number(size)
    file.modified = mtimeNs
    file.lookedAt = time.now()
    if (file.size > before) file.grewAt = file.lookedAt
    if (file.size < file.position) beginAnew(file)
    const isOpen = file.phase === 'new' || file.phase === 'suspect'
    if (isOpen && file.size > 0) await decide(file, handle, headOf(handle, file.size))
    return isQuiet && !isOpen
  }

  return { open, takeStock, isSame }
}
