/**
 * What a reply means. The table of all classes:
 *
 * | reply                                            | class       | batch                      | host                  |
 * |--------------------------------------------------|-------------|----------------------------|-----------------------|
 * | 2xx                                              | delivered   | acknowledged               | well                  |
 * | 429                                              | paused      | to another host            | rests for Retry-After |
 * | 400, 413, 415, 422                               | refused     | split, see refusal.ts      | decided there         |
 * | other 5xx                                        | failed      | to another host            | back-off              |
 * | no connection, time-out                          | failed      | to another host            | back-off              |
 * | reset or closed without an answer                | reset       | once more, the same host   | back-off              |
 * | … on a connection that was used before           | stale       | once more, the same host   | nothing               |
 * | 401, 403, 404, 405, 3xx, 501, all else, TLS, name| fault       | to another host            | back-off, said at once|
 */
import type { Reply } from '../http/exchange.ts'

export type Outcome =
  | { kind: 'delivered' }
  | { kind: 'paused'; ms: number }
  | { kind: 'refused'; status: number; problem: string }
  /** `fault`: only someone's settings can mend it, so it is reported at once. */
  | { kind: 'failed'; fault: boolean; problem: string }
  | { kind: 'reset'; stale: boolean; problem: string }

const refusals = new Set([400, 413, 415, 422])

export function outcomeOf(reply: Reply, now: number): Outcome {
  if (reply.kind === 'answer') return ofStatus(reply.status, reply.retryAfter, now)
  const { cause, message, reused } = reply
  if (cause === 'reset') return { kind: 'reset', stale: reused, problem: message }
  return { kind: 'failed', fault: cause === 'tls' || cause === 'garbage', problem: message }
}

function ofStatus(status: number, retryAfter: string | undefined, now: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  if (status === 429) return { kind: 'paused', ms: pauseOf(retryAfter, now) }
  const problem = `answers ${status}${hints[status] ?? ''}`
  if (refusals.has(status)) return { kind: 'refused', status, problem }
  return { kind: 'failed', fault: status < 500 || status === 501, problem }
}

const hints: Record<number, string> = {
  401: ' (user name or password)',
  403: ' (not allowed)',
  404: ' (no Logstash input there)',
  405: ' (no Logstash input there)',
  407: ' (a proxy stands between)',
}

const defaultPause = 1_000
const shortestPause = 100
const longestPause = 5 * 60_000

/** Seconds or an HTTP date; a foreign number, so it is kept between 0.1 s and 5 minutes. */
function pauseOf(retryAfter: string | undefined, now: number): number {
  if (retryAfter === undefined) return defaultPause
  const seconds = /^\s*\d+\s*$/.test(retryAfter)
  const ms = seconds ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return Number.isNaN(ms) ? defaultPause : Math.min(Math.max(ms, shortestPause), longestPause)
}
