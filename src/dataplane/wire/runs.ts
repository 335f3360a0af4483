/** Runs of events, one after the other; small ones are put together, as a buffer of its own costs more than a short line. */
import { joinEvents, type Events } from './events.ts'

/** Below this a run is copied rather than kept with what a Buffer costs beside its bytes. */
const small = 16 * 1024
const blockBytes = 64 * 1024
const blockRuns = 256

export interface Runs {
  add(run: Events): void
  /** Bytes of all that was added. */
  readonly bytes: number
  /** In order. Nothing can be added afterwards. */
  finish(): Events[]
}

export function createRuns(): Runs {
  const whole: Events[] = []
  let block: Events[] = []
  let blockLength = 0
  let bytes = 0

  function flush(): void {
    if (block.length > 0) whole.push(joinEvents(block))
    block = []
    blockLength = 0
  }

  return {
    get bytes() {
      return bytes
    },
    add(run) {
      bytes += run.body.length
      if (run.body.length >= small) {
        flush()
        whole.push(run)
        return
      }
      block.push(run)
      blockLength += run.body.length
      if (blockLength >= blockBytes || block.length >= blockRuns) flush()
    },
    finish() {
      flush()
      return whole
    },
  }
}

/** Takes runs from the front as one, up to `maxBytes` and at least one; undefined when none is left. */
export function shiftRuns(runs: Events[], maxBytes: number): Events | undefined {
  let length = 0
  let count = 0
  for (const { body } of runs) {
    length += body.length
    if (count > 0 && length > maxBytes) break
    count += 1
  }
  return count === 0 ? undefined : joinEvents(runs.splice(0, count))
}

export function countOf(runs: readonly Events[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0)
}
