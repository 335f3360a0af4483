/** NDJSON by POST to the application; only its 2xx counts. */
import { Pool } from 'undici'
import { messageOf } from '../../../errors.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, outOfTime, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

/** Requests at once, so that one slow batch does not hold up the others. */
const maxRequests = 16
const connectTimeout = 3000
/** What is read of an answer's body, so that its connection can be used again. */
const maxAnswer = 64 * 1024

export function createHttpDeliverer(url: string): Deliverer {
  const { origin, pathname, search, username, password } = new URL(url)
  const headers: Record<string, string> = { 'content-type': 'application/x-ndjson' }
  if (username !== '') {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`
  }
  const pool = new Pool(origin, { connections: maxRequests, connect: { timeout: connectTimeout } })
  const turns = createTurns(maxRequests)

  async function post(events: Events, deadline: number): Promise<DeliveryResult> {
    const left = Math.max(1, Math.floor(deadline - performance.now()))
    const {
      statusCode,
      headers: answered,
      body,
    } = await pool.request({
      path: pathname + search,
      method: 'POST',
      headers,
      body: events.body,
      headersTimeout: left,
      bodyTimeout: left,
      signal: AbortSignal.timeout(left),
    })
    // The status decides; how the rest of the answer ends does not.
    await body.dump({ limit: maxAnswer }).catch(() => undefined)
    return resultOf(statusCode, answered['retry-after'])
  }

  return {
    deliver: (events, deadline) =>
      turns.run(deadline, async () => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await post(events, deadline)
          } catch (error) {
            if (performance.now() >= deadline - 5) return outOfTime
            // An idle connection that the application closed meanwhile says nothing about it.
            if (attempt === 2 || !wasReset(error)) return failed(messageOf(error))
          }
        }
      }),
    close: () => pool.close(),
  }
}

function resultOf(status: number, retryAfter: string | string[] | undefined): DeliveryResult {
  if (status >= 200 && status < 300) return delivered
  if (status === 429) {
    return { outcome: 'busy', retryAfterSeconds: secondsOf(String(retryAfter ?? '')) }
  }
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return { outcome: 'refused', reason: `the application answered ${status}` }
  }
  return failed(`the application answered ${status}`)
}

/** Retry-After as seconds; dates are rare and mean no more than "not now". */
function secondsOf(retryAfter: string): number {
  return /^\d{1,5}$/.test(retryAfter) ? Math.max(1, Number(retryAfter)) : 1
}

function wasReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}
