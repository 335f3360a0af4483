/** Contents of files that were truncated: their copies go on where they ended. */
import type { FileHandle } from 'node:fs/promises'
import { fingerprintOf } from './fingerprint.ts'
import type { Progress } from './progress.ts'
import { bytesAt } from './reading.ts'
import { type Candidate, type Former, proofOfCopy } from './rotation.ts'
import type { TailedFile } from './tailed-file.ts'

export interface Formers {
  /** As it is just before it begins anew; the beginning of its last line stays with what is kept here. */
  add(file: TailedFile): void
  /** The progress to go on with, if the candidate holds what one of these held. It is theirs no more. */
  adopt(candidate: Candidate, handle: FileHandle): Promise<Progress | undefined>
  /** A copy is older than the truncation, so it is found by the next look at all folders, or never. */
  beginScan(): void
  /** Those of which no copy was found; `isHidden`: where they lie could not be looked at, so one may come yet. */
  endScan(isHidden: (file: TailedFile) => boolean): TailedFile[]
  all(): readonly TailedFile[]
}

/** `leftOver`: files of an earlier process that were not found by device and inode, by key. */
export function createFormers(leftOver: Map<string, TailedFile>): Formers {
  let formers: TailedFile[] = []
  let scanned = new Set<TailedFile>()

  return {
    add(file) {
      if (file.fingerprint.length > 0) formers.push({ ...file, unkept: undefined })
    },
    async adopt(candidate, handle) {
      const known = [
        ...formers.map((file) => ({ file, isLeftOver: false })),
        ...[...leftOver.values()]
          .filter(({ isVerified }) => !isVerified)
          .map((file) => ({ file, isLeftOver: true })),
      ]
      for (const { file, isLeftOver } of known) {
        const { path, fingerprint, progress } = file
        const former = { path, fingerprint, given: progress.given, isLeftOver }
        const match = await matches(candidate, handle, former)
        if (match === 'no') continue
        formers = formers.filter((each) => each !== file)
        if (isLeftOver) leftOver.delete(file.key)
        // Its pieces may be in a queue in memory yet: the copy is safe no sooner than they are.
        if (match === 'shorter') progress.clip(candidate.size)
        return progress
      }
      return undefined
    },
    beginScan() {
      scanned = new Set(formers)
    },
    endScan(isHidden) {
      const given = formers.filter((file) => scanned.has(file) && !isHidden(file))
      formers = formers.filter((file) => !given.includes(file))
      return given
    },
    all: () => formers,
  }
}

async function matches(
  candidate: Candidate,
  handle: FileHandle,
  former: Former,
): Promise<'no' | 'whole' | 'shorter'> {
  const proof = proofOfCopy(candidate, former)
  if (proof === 'other') return 'no'
  if (proof === undefined) return 'shorter'
  const bytes = await bytesAt(handle, proof.start, proof.length)
  return fingerprintOf(bytes).digest === proof.tail.digest ? 'whole' : 'no'
}
