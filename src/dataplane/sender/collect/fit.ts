/**
 * Wrapping and decorating make lines longer, and a receiver of the same limit would call such a line oversized after it
 * was answered for. So what counts is a line as it goes over the wire.
 */
import { headBytes } from '../../wire/carry.ts'
import { newline, type Events } from '../../wire/events.ts'
import type { LineReaderOutput } from '../../wire/lines.ts'

/** Parts events into those of at most `maxLine` bytes, without their newlines, and those over it. */
export function fitLines(events: readonly Events[], maxLine: number): LineReaderOutput {
  const fitting: LineReaderOutput = { events: [], oversized: [] }
  for (const each of events) {
    // Nearly always: a run that is shorter as a whole holds no longer line.
    if (each.body.length <= maxLine + 1) fitting.events.push(each)
    else part(each, maxLine, fitting)
  }
  return fitting
}

function part({ body }: Events, maxLine: number, { events, oversized }: LineReaderOutput): void {
  let runStart = 0
  let runCount = 0
  let start = 0

  function endRun(): void {
    if (runCount > 0) events.push({ body: body.subarray(runStart, start), count: runCount })
    runCount = 0
  }

  while (start < body.length) {
    const end = body.indexOf(newline, start)
    const length = end - start
    if (length <= maxLine) runCount += 1
    else {
      endRun()
      const head = Buffer.from(body.subarray(start, Math.min(end, start + headBytes)))
      oversized.push({ head, length })
      runStart = end + 1
    }
    start = end + 1
  }
  endRun()
}
