/** What readers give → what is committed, and what becomes of lines over the limit. */
import { messageOf } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { DeadLetters } from '../../dead-letter/dead-letters.ts'
import type { LineReaderOutput, OversizedLine } from '../../wire/lines.ts'
import { decorateEvents } from '../decorate.ts'
import { fitLines } from './fit.ts'

export interface CollectedDeps {
  decoration: () => Buffer | undefined
  maxLine: () => number
  deadLetters: () => DeadLetters | undefined
  log: Log
  onOversized: (count: number) => void
}

export interface Collected {
  /** Events as they are committed, and all lines over the limit: those that only now became so as well. */
  finish(output: LineReaderOutput): LineReaderOutput
  /**
   * Keeps the heads of lines over the limit; they are counted and logged. False: they could not be kept, and are not safe
   * yet. Without a folder they are counted, logged and gone.
   */
  setAside(lines: readonly OversizedLine[], source: string): Promise<boolean>
  /** False: there is no file for what cannot be sent. */
  canSetAside(): boolean
}

export function createCollected(deps: CollectedDeps): Collected {
  const { decoration, maxLine, deadLetters, log, onOversized } = deps
  let problem: string | undefined
  return {
    finish({ events, oversized }) {
      const key = decoration()
      // In place, so that of a large body not all is there twice.
      if (key) for (const [i, each] of events.entries()) events[i] = decorateEvents(each, key)
      const fitting = fitLines(events, maxLine())
      return { events: fitting.events, oversized: [...oversized, ...fitting.oversized] }
    },
    async setAside(lines, source) {
      if (lines.length === 0) return true
      const file = deadLetters()
      if (file === undefined) {
        onOversized(lines.length)
        log.error(
          { source, count: lines.length },
          'Lines over `limits.maxLine` were skipped: no dead-letter folder is set',
        )
        return true
      }
      const letters = lines.map(({ head, length }) => ({
        event: head,
        length,
        reason: 'The line is over limits.maxLine',
      }))
      try {
        await file.keep(letters)
        onOversized(lines.length)
        problem = undefined
        return true
      } catch (error) {
        // Once per cause, as it is tried again every second.
        if (problem !== messageOf(error)) {
          problem = messageOf(error)
          log.error(
            { source, problem },
            'Lines over `limits.maxLine` cannot be kept, so what they came with waits',
          )
        }
        return false
      }
    },
    canSetAside: () => deadLetters() !== undefined,
  }
}
