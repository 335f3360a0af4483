/** One turn of one file: what is new in it goes to the handover. */
import type { Time } from '../../../time.ts'
import { newline } from '../../../wire/events.ts'
import type { LineReaderOutput } from '../../../wire/lines.ts'
import type { Intake } from '../../intake.ts'
import { fingerprintBytes, fingerprintOf, noFingerprint } from './fingerprint.ts'
import type { Handover } from './handover.ts'
import type { Closed, Identity } from './identity.ts'
import type { Place } from './progress.ts'
import { bytesAt, headOf } from './reading.ts'
import type { Report } from './report.ts'
import { newReader, type ReaderOptions, type TailedFile } from './tailed-file.ts'

/** `more`: there is more to read at once; `end`: its end is reached. */
export type Seen = 'more' | 'end' | Closed

export interface Look {
  /** Reads one chunk. Nothing may wait in the handover. */
  read(file: TailedFile): Promise<Seen>
  /** It is read to its end and nobody will write to it: what stands behind the last newline is an event. */
  finish(file: TailedFile): void
}

export interface LookDeps {
  intake: Intake
  identity: Identity
  handover: Handover
  report: Report
  time: Time
  options(this: void): ReaderOptions
  onProgress(this: void): void
}

/** Bytes of one turn. */
const chunkBytes = 256 * 1024

export function createLook(deps: LookDeps): Look {
  const { intake, identity, handover, report, time, options, onProgress } = deps

  function give(file: TailedFile, output: LineReaderOutput, end: Place): void {
    const { progress } = file
    const piece = progress.give(end)
    handover.put(file, output, (result) => {
      if (result === 'dropped') report.dropped(file.path)
      if (progress.settle(piece, result)) onProgress()
    })
  }

  function take(file: TailedFile, bytes: Buffer): void {
    const base = file.position
    const end = bytes.lastIndexOf(newline) + 1
    file.position += bytes.length
    const lineAt = end === 0 ? file.progress.given.offset : base + end
    holdFor(file, Math.min(file.position - lineAt, options().maxLine), intake)
    report.read(bytes.length)
    const output = file.reader.push(bytes)
    if (end === 0) return
    const tail = fingerprintOf(bytes.subarray(Math.max(0, end - fingerprintBytes), end))
    give(file, output, { offset: lineAt, tail })
  }

  return {
    async read(file) {
      if (!(await handover.keep(file))) return 'blocked'
      const handle = await identity.open(file)
      if (typeof handle === 'string') return handle
      const isQuiet = await identity.takeStock(file, handle)
      if (file.progress.isTorn) {
        file.progress.restart()
        rewindFile(file, options(), intake)
      }
      if (file.phase !== 'followed') return 'end'
      const wanted = Math.min(chunkBytes, file.size - file.position)
      if (isQuiet && wanted === 0) return 'end'
      const isWhole = file.position === 0 && wanted > 0
      const bytes = await bytesAt(handle, file.position, wanted)
      // After what was read, since the file may be truncated and written anew at any moment before.
      const head =
        isWhole && bytes.length >= Math.min(file.size, fingerprintBytes)
          ? bytes.subarray(0, fingerprintBytes)
          : headOf(handle, file.size)
      if (!identity.isSame(file, handle, head)) return 'more'
      if (file.phase !== 'followed' || bytes.length === 0) return 'end'
      take(file, bytes)
      if (file.mark === undefined || file.progress.committed.offset >= file.mark.offset) {
        file.mark = { offset: file.size, at: time.now() }
      }
      // Not with the next reading: there is none before the file grows.
      if (!(await handover.keep(file))) return 'blocked'
      return file.position < file.size ? 'more' : 'end'
    },
    finish(file) {
      const output = file.reader.finish()
      const { position } = file
      if (position > file.progress.given.offset) {
        give(file, output, { offset: position, tail: noFingerprint })
      }
      holdFor(file, 0, intake)
    },
  }
}

/** Goes back to the beginning of the line that it is in, and gives back the memory which that took. */
export function rewindFile(file: TailedFile, options: ReaderOptions, intake: Intake): void {
  file.reader = newReader(options)
  file.position = file.progress.given.offset
  holdFor(file, 0, intake)
}

function holdFor(file: TailedFile, bytes: number, intake: Intake): void {
  if (bytes !== file.held) intake.hold(bytes - file.held)
  file.held = bytes
}
