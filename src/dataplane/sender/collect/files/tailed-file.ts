/** One file as the tail knows it. */
import { createLineReader, type EventReader, type OversizedLine } from '../../../wire/lines.ts'
import type { Checkpoint } from './checkpoint-format.ts'
import { type Fingerprint, noFingerprint } from './fingerprint.ts'
import { createProgress, type Place, type Progress } from './progress.ts'

export interface TailedFile {
  /** Device and inode. */
  readonly key: string
  path: string
  /**
   *   new ──▶ followed        what it is was decided by its first bytes
   *    ├────▶ suspect ──▶ …   perhaps the copy of a file that is about to be truncated
   *    └────▶ compressed
   */
  phase: 'new' | 'suspect' | 'followed' | 'compressed'
  suspicion: { since: number; grewAt: number; size: number } | undefined
  /** Looked at by this process: what stands here is not from an earlier one. */
  isVerified: boolean
  fingerprint: Fingerprint
  progress: Progress
  reader: EventReader
  /** The next byte to read; what lies between it and `progress.given` is the beginning of a line. */
  position: number
  /** Bytes of memory that this beginning takes, as the intake counts them. */
  held: number
  /** As they were at the last look. */
  size: number
  modified: bigint
  /** Since when no path leads to it. */
  goneAt: number | undefined
  /** That it is gone was said. */
  isSaidGone: boolean
  /** Its changes are heard of. */
  isHeard: boolean
  /** When it was last seen to grow. */
  grewAt: number
  lookedAt: number
  /** Until it is looked at again where nothing is heard of changes, ms; undefined before its end was reached. */
  patience: number | undefined
  /** Lines over the limit that could not be kept yet; nothing more is read before. */
  unkept: { lines: OversizedLine[]; done: () => void } | undefined
  /** A place that was the end of the file, and when: how old what is not safe yet is at most. */
  mark: { offset: number; at: number } | undefined
  /** Why it cannot be read. */
  problem: string | undefined
}

export interface ReaderOptions {
  maxLine: number
  date: () => Date
}

export function newReader({ maxLine, date }: ReaderOptions): EventReader {
  return createLineReader({ maxLine, tagMalformed: false, now: date })
}

export function newFile(
  { key, path }: { key: string; path: string },
  options: ReaderOptions,
): TailedFile {
  return {
    key,
    path,
    phase: 'new',
    suspicion: undefined,
    isVerified: false,
    fingerprint: noFingerprint,
    progress: createProgress(),
    reader: newReader(options),
    position: 0,
    held: 0,
    size: 0,
    modified: -1n,
    goneAt: undefined,
    isSaidGone: false,
    isHeard: false,
    grewAt: Number.NEGATIVE_INFINITY,
    lookedAt: Number.NEGATIVE_INFINITY,
    patience: undefined,
    unkept: undefined,
    mark: undefined,
    problem: undefined,
  }
}

export function fileOf(checkpoint: Checkpoint, options: ReaderOptions): TailedFile {
  const { device, inode, path, fingerprint, offset, tail, size } = checkpoint
  const file = newFile({ key: `${device}:${inode}`, path }, options)
  const progress = createProgress({ offset, tail })
  return { ...file, phase: 'followed', fingerprint, progress, position: offset, size }
}

export function checkpointOf(file: {
  key: string
  path: string
  fingerprint: Fingerprint
  size: number
  progress: { committed: Place }
}): Checkpoint {
  const { key, path, fingerprint, size, progress } = file
  const [device = '', inode = ''] = key.split(':')
  return { path, device, inode, fingerprint, ...progress.committed, size }
}

/** Bytes that are not safe yet, the beginning of a last line among them. */
export function lagOf({ phase, size, progress }: TailedFile): number {
  return phase === 'compressed' ? 0 : Math.max(0, size - progress.committed.offset)
}

/** How old what is not safe yet is at least, ms. */
export function ageOf(file: TailedFile, now: number): number {
  return file.mark && lagOf(file) > 0 ? now - file.mark.at : 0
}
