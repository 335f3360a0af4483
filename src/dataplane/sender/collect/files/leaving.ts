/**
 * Files that are read to their end and to which no path leads, and contents that were truncated: what stands behind their
 * last newline is still to be given, and lines over the limit to be kept.
 */
import type { Log } from '../../../../telemetry/log.ts'
import type { Time } from '../../../time.ts'
import type { Handover } from './handover.ts'
import type { Look } from './look.ts'
import type { TailedFile } from './tailed-file.ts'

export interface Leaving {
  add(file: TailedFile): void
  /** Serves one. True when it did something, after which the handover may be busy. */
  serve(isStopping: boolean): Promise<boolean>
  isEmpty(): boolean
}

export interface LeavingDeps {
  look: Look
  handover: Handover
  time: Time
  log: Log
}

/** Until lines are kept that could not be kept, ms. */
const again = 1_000

export function createLeaving({ look, handover, time, log }: LeavingDeps): Leaving {
  const files = new Map<TailedFile, { isFinished: boolean; at: number }>()

  function giveUp({ path, unkept }: TailedFile): void {
    log.error(
      { file: path, count: unkept?.lines.length },
      'Stopped with lines over the limit that could not be kept',
    )
  }

  return {
    add(file) {
      files.set(file, { isFinished: false, at: 0 })
    },
    async serve(isStopping) {
      const now = time.now()
      const next = [...files].find(([, { at }]) => at <= now)
      if (!next) return false
      const [file, state] = next
      if (!state.isFinished && (await handover.keep(file))) {
        look.finish(file)
        state.isFinished = true
      }
      if (state.isFinished && (await handover.keep(file))) files.delete(file)
      else if (isStopping) {
        giveUp(file)
        files.delete(file)
      } else state.at = now + again
      return true
    },
    isEmpty: () => files.size === 0,
  }
}
