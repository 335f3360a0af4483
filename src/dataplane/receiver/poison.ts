/**
 * An event is poison only beside others that pass: when the application took another part of its batch, or another batch
 * within the last minute. An application that takes nothing is itself at fault, and everything is kept.
 *
 *   refused batch of n > 1 ─▶ halves in order ─▶ … ─▶ single events that it refuses: suspects
 *   suspects, and it took another part of the batch            ─▶ poison: dead-lettered, the batch counts as delivered;
 *                                                                 what it refused before it took any is asked once more
 *   a whole batch of suspects, and another batch vouches for it ─▶ poison likewise
 *   a whole batch of suspects, and none does                   ─▶ failed; not split again for half a minute
 *
 * See vouching.ts for who vouches for whom.
 */
import { createVouching } from '../vouching.ts'
import { lines, splitEvents, type Events } from '../wire/events.ts'
import { countOf, shiftRuns } from '../wire/runs.ts'
import type { DeliveryResult } from './deliver/deliverer.ts'

interface Suspect {
  event: Buffer
  reason: string
}

/** A single event that was refused; `early`: before anything of its batch passed. */
interface Refused {
  part: Events
  reason: string
  early: boolean
}

type SiftedResult =
  | { outcome: 'delivered'; poison: Suspect[] }
  | Exclude<DeliveryResult, { outcome: 'delivered' } | { outcome: 'refused' }>

export interface Sieve {
  /**
   * Delivers all that the application takes, in order, and empties `runs` meanwhile. Work that began may outlast its
   * deadline, step by step.
   */
  deliver(runs: Events[]): Promise<SiftedResult>
}

const pauseAfterVainSplit = 30_000
/** What the application gets at once of a large batch; more would be in memory twice. */
const maxPart = 8 * 2 ** 20

/** `step` delivers a part; `now` is a monotonic clock in milliseconds. */
export function createSieve(
  step: (events: Events) => Promise<DeliveryResult>,
  now: () => number,
): Sieve {
  const vouching = createVouching()
  let lastVainSplit = -Infinity

  return {
    async deliver(runs) {
      const count = countOf(runs)
      const refused: Refused[] = []
      const begun = now()
      let took = false
      // The parts still to be delivered, the next one last.
      const parts: Events[] = []
      for (;;) {
        const part = parts.pop() ?? shiftRuns(runs, maxPart)
        if (part === undefined) break
        const result = await step(part)
        if (result.outcome === 'delivered') {
          took = true
          vouching.took(now())
          continue
        }
        if (result.outcome !== 'refused') return result
        if (part.count > 1) {
          const inVain =
            !vouching.tookWithinMinute(now()) && begun - lastVainSplit < pauseAfterVainSplit
          if (!took && inVain) return nothingPasses(result.reason)
          const [head, rest] = splitEvents(part, part.count >> 1, Infinity)
          if (rest !== undefined) parts.push(rest)
          parts.push(head)
          continue
        }
        refused.push({ part, reason: result.reason, early: !took })
      }
      if (
        refused.length > 0 &&
        !took &&
        !vouching.vouchesFor(count, { sentAt: begun, now: now() })
      ) {
        if (count > 1) lastVainSplit = now()
        return nothingPasses(refused[0]?.reason ?? '')
      }
      const poison: Suspect[] = []
      for (const { part, reason, early } of refused) {
        // The application may have begun to take events since, and then what it refused before says nothing.
        const result = early && took ? await step(part) : undefined
        if (result?.outcome === 'delivered') continue
        if (result !== undefined && result.outcome !== 'refused') return result
        for (const event of lines(part)) poison.push({ event, reason })
      }
      return { outcome: 'delivered', poison }
    },
  }
}

function nothingPasses(reason: string): SiftedResult {
  return { outcome: 'failed', reason: `${reason}, and takes nothing else either` }
}
