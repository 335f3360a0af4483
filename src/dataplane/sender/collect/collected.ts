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
  /** Keeps the heads of lines over the limit; they are counted and logged. */
  setAside(lines: readonly OversizedLine[], source: string): Promise<void>
  /** False: there is no file for what cannot be sent. */
  canSetAside(): boolean
}

export function createCollected(deps: CollectedDeps): Collected {
  const { decoration, maxLine, deadLetters, log, onOversized } = deps
  return {
    finish({ events, oversized }) {
      const key = decoration()
      const decorated = key ? events.map((each) => decorateEvents(each, key)) : events
      const fitting = fitLines(decorated, maxLine())
      return { events: fitting.events, oversized: [...oversized, ...fitting.oversized] }
    },
    async setAside(lines, source) {
      if (lines.length === 0) return
      onOversized(lines.length)
      const file = deadLetters()
      if (file === undefined) {
        log.error(
          { source, count: lines.length },
          'Lines over `limits.maxLine` were skipped: no dead-letter folder is set',
        )
        return
      }
      const letters = lines.map(({ head, length }) => ({
        event: head,
        length,
        reason: 'The line is over limits.maxLine',
      }))
      try {
        await file.keep(letters)
      } catch (error) {
        log.error(
          { source, count: lines.length, problem: messageOf(error) },
          'Lines over `limits.maxLine` were skipped and could not be kept',
        )
      }
    },
    canSetAside: () => deadLetters() !== undefined,
  }
}
