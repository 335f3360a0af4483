/** Events by one POST after the other; only the application's 2xx counts. Whatever carries the requests. */
import type { Reply } from '../../http/exchange.ts'
import type { Time } from '../../time.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, outOfTime, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

/** Requests at once, so that one slow batch does not hold up the others. */
export const maxRequests = 16
/** Below this there is no use in beginning once more, ms. */
const shortest = 5

export interface PostsDeps {
  /** One request, answered or given up within `left` ms. Never rejects. */
  post(this: void, events: Events, left: number): Promise<Reply>
  /** Nothing is under way any more, and nothing will be. */
  end(this: void): void
  time: Time
}

export function deliverByPosts({ post, end, time }: PostsDeps): Deliverer {
  const turns = createTurns(maxRequests, time)
  return {
    deliver: (events, deadline) =>
      turns.run(deadline, async () => {
        for (let attempt = 1; ; attempt += 1) {
          const left = deadline - time.now()
          if (left < shortest) return outOfTime
          const reply = await post(events, left)
          if (reply.kind === 'answer') return resultOf(reply, time.date())
          if (reply.cause === 'timeout' && time.now() >= deadline - shortest) return outOfTime
          // An idle connection that the application closed meanwhile says nothing about it.
          if (attempt === 2 || reply.cause !== 'reset') return failed(reply.message)
        }
      }),
    async close() {
      await turns.idle()
      end()
    },
  }
}

function resultOf(
  { status, retryAfter }: Extract<Reply, { kind: 'answer' }>,
  now: Date,
): DeliveryResult {
  if (status >= 200 && status < 300) return delivered
  if (status === 429) return { outcome: 'busy', retryAfterSeconds: secondsOf(retryAfter, now) }
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return { outcome: 'refused', reason: `the application answered ${status}` }
  }
  return failed(`the application answered ${status}`)
}

const longestPause = 99_999

/** Retry-After as seconds, of seconds or a date: a foreign text, so it is kept between 1 and 99,999. */
function secondsOf(retryAfter: string | undefined, now: Date): number {
  if (retryAfter === undefined) return 1
  const seconds = /^\s*\d+\s*$/.test(retryAfter)
    ? Number(retryAfter)
    : Math.ceil((Date.parse(retryAfter) - now.getTime()) / 1000)
  return Number.isNaN(seconds) ? 1 : Math.min(Math.max(seconds, 1), longestPause)
}
