/**
 * Gives what was read to the intake: one reading at a time for all files together, so that what waits for room in memory
 * is one chunk, however many files there are.
 */
import type { Events } from '../../../wire/events.ts'
import type { LineReaderOutput } from '../../../wire/lines.ts'
import type { Intake } from '../../intake.ts'
import type { Collected } from '../collected.ts'
import type { TailedFile } from './tailed-file.ts'

export interface Handover {
  /** Takes over a reading; nothing else may wait. `settle` is called once, when all of it is safe or some was dropped. */
  put(
    file: TailedFile,
    output: LineReaderOutput,
    settle: (result: 'done' | 'dropped') => void,
  ): void
  /** False: something waits for room. */
  tryAgain(): boolean
  /** Tries to keep the file's lines over the limit; true when none are left. */
  keep(file: TailedFile): Promise<boolean>
  /** Events that wait for room. */
  waiting(): number
  /** Readings that are given and not settled. */
  outstanding(): number
}

export function createHandover(deps: { intake: Intake; collected: Collected }): Handover {
  const { intake, collected } = deps
  let pending:
    | { events: readonly Events[]; settle: (result: 'done' | 'dropped') => void }
    | undefined

  let outstanding = 0

  function tryAgain(): boolean {
    if (!pending) return true
    const { events, settle } = pending
    if (!intake.offer(events, { settle })) return false
    pending = undefined
    return true
  }

  return {
    put(file, output, settle) {
      outstanding += 1
      const { events, oversized } = collected.finish(output)
      let parts = Number(events.length > 0) + Number(oversized.length > 0)
      let result: 'done' | 'dropped' = 'done'
      function settlePart(part: 'done' | 'dropped'): void {
        if (part === 'dropped') result = part
        parts -= 1
        if (parts > 0) return
        outstanding -= 1
        settle(result)
      }
      if (parts === 0) settlePart('done')
      if (oversized.length > 0) file.unkept = { lines: oversized, done: () => settlePart('done') }
      if (events.length === 0) return
      pending = { events, settle: settlePart }
      tryAgain()
    },
    tryAgain,
    async keep(file) {
      const { unkept } = file
      if (!unkept) return true
      if (!(await collected.setAside(unkept.lines, file.path))) return false
      file.unkept = undefined
      unkept.done()
      return true
    },
    outstanding: () => outstanding,
    waiting: () => pending?.events.reduce((sum, { count }) => sum + count, 0) ?? 0,
  }
}
