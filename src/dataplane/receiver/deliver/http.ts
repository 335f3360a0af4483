/** NDJSON by POST to the application; only its 2xx counts. */
import { Agent, request } from 'node:http'
import { exchange, type Reply } from '../../http/exchange.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, outOfTime, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

/** Requests at once, so that one slow batch does not hold up the others. */
const maxRequests = 16
const connectTimeout = 3000
/** Below this there is no use in beginning once more. */
const shortest = 5

export function createHttpDeliverer(url: string): Deliverer {
  const { hostname, port, pathname, search, username, password } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: maxRequests, scheduling: 'lifo' })
  const turns = createTurns(maxRequests)
  const options = {
    agent,
    method: 'POST',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 80 : Number(port),
    path: pathname + search,
    ...(username === ''
      ? {}
      : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
  }

  function post({ body }: Events, left: number): Promise<Reply> {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length }
    const timeouts = { connect: Math.min(connectTimeout, left), response: left }
    return exchange(request({ ...options, headers }), body, { secure: false, timeouts })
  }

  return {
    deliver: (events, deadline) =>
      turns.run(deadline, async () => {
        for (let attempt = 1; ; attempt += 1) {
          const left = deadline - performance.now()
          if (left < shortest) return outOfTime
          const reply = await post(events, left)
          if (reply.kind === 'answer') return resultOf(reply)
          if (reply.cause === 'timeout' && performance.now() >= deadline - shortest) {
            return outOfTime
          }
          // An idle connection that the application closed meanwhile says nothing about it.
          if (attempt === 2 || reply.cause !== 'reset') return failed(reply.message)
        }
      }),
    async close() {
      await turns.idle()
      agent.destroy()
    },
  }
}

function resultOf({ status, retryAfter }: Extract<Reply, { kind: 'answer' }>): DeliveryResult {
  if (status >= 200 && status < 300) return delivered
  if (status === 429) return { outcome: 'busy', retryAfterSeconds: secondsOf(retryAfter) }
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return { outcome: 'refused', reason: `the application answered ${status}` }
  }
  return failed(`the application answered ${status}`)
}

/** Retry-After as seconds; dates are rare and mean no more than "not now". */
function secondsOf(retryAfter: string | undefined): number {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter)
    ? Math.max(1, Number(retryAfter))
    : 1
}
