/**
 * An event is poison only beside others that pass: when the application took another part of its batch, or another batch
 * within the last minute. An application that takes nothing is itself at fault, and everything is kept.
 *
 *   refused batch of n > 1 ─▶ halves in order ─▶ … ─▶ single events that it refuses: suspects
 *   suspects, and it took anything (here, or within a minute) ─▶ poison: dead-lettered, the batch counts as delivered
 *   suspects, and it took nothing                             ─▶ failed; not split again for half a minute
 */
import { lines, splitEvents, type Events } from '../wire/events.ts'
import type { DeliveryResult } from './deliver/deliverer.ts'

interface Suspect {
  event: Buffer
  reason: string
}

type SiftedResult =
  | { outcome: 'delivered'; poison: Suspect[] }
  | Exclude<DeliveryResult, { outcome: 'delivered' } | { outcome: 'refused' }>

export interface Sieve {
  /** Delivers all that the application takes, in order. Work that began may outlast its deadline, step by step. */
  deliver(events: Events): Promise<SiftedResult>
}

const memoryOfSuccess = 60_000
const pauseAfterVainSplit = 30_000

/** `step` delivers a part; `now` is a monotonic clock in milliseconds. */
export function createSieve(
  step: (events: Events) => Promise<DeliveryResult>,
  now: () => number,
): Sieve {
  let lastTaken = -Infinity
  let lastVainSplit = -Infinity

  async function attempt(events: Events): Promise<DeliveryResult> {
    const result = await step(events)
    if (result.outcome === 'delivered') lastTaken = now()
    return result
  }

  return {
    async deliver(events) {
      const suspects: Suspect[] = []
      const begun = now()
      // The parts still to be delivered, the next one last.
      const parts = [events]
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        const result = await attempt(part)
        if (result.outcome === 'delivered') continue
        if (result.outcome !== 'refused') return result
        if (part.count > 1) {
          if (now() - lastTaken > memoryOfSuccess && begun - lastVainSplit < pauseAfterVainSplit) {
            return nothingPasses(result.reason)
          }
          const [head, rest] = splitEvents(part, part.count >> 1, Infinity)
          if (rest !== undefined) parts.push(rest)
          parts.push(head)
          continue
        }
        for (const event of lines(part)) {
          suspects.push({ event, reason: result.reason })
        }
      }
      if (suspects.length > 0 && now() - lastTaken > memoryOfSuccess) {
        if (events.count > 1) lastVainSplit = now()
        return nothingPasses(suspects[0]?.reason ?? '')
      }
      return { outcome: 'delivered', poison: suspects }
    },
  }
}

function nothingPasses(reason: string): SiftedResult {
  return { outcome: 'failed', reason: `${reason}, and takes nothing else either` }
}
