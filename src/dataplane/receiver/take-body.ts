/** A request's body → events within the budget, or the answer that refuses it. All of it or nothing. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ReceiverLimits } from '../../api/sidecar-config.ts'
import { LogstashLinkError } from '../../errors.ts'
import { drain, readBody, type Body } from '../http/body.ts'
import type { LimitHits } from '../limit-hits.ts'
import { batchKeyHeader, parseBatchKey } from '../wire/batch-key.ts'
import { readContentType } from '../wire/content-type.ts'
import { readEncoding } from '../wire/gzip.ts'
import { busy, refused, type Answer } from './answer.ts'
import type { Lease } from './budget.ts'
import type { Mark } from './duplicates.ts'
import type { ReceiverLimit } from './metrics.ts'

export type TakenBody = { body: Body; mark: Mark } | { answer: Answer } | { aborted: true }

interface TakeOptions {
  /** The time of events that have none. */
  now: () => Date
  /** Milliseconds in which nothing of a body may come, before its connection is closed. */
  stall: number
  hit: LimitHits<ReceiverLimit>
}

// What does not fit now may later; the real input's answer too.
const noBudget: Answer = busy(1)
const tooLarge: Answer = { status: 413, close: true }

/** How long what will not be taken is read on, so that the answer is not lost in a reset. */
const maxDrain = 5000

/** Gives the lease back unless there is a body; an aborted request has nobody to answer. */
export async function takeBody(
  request: IncomingMessage,
  lease: Lease,
  limits: ReceiverLimits,
  { now, stall, hit }: TakeOptions,
): Promise<TakenBody> {
  const { headers } = request
  const header = headers[batchKeyHeader]
  const key = typeof header === 'string' ? parseBatchKey(header) : undefined
  const digest = key === undefined ? createHash('sha256') : undefined
  // Whoever waits for room must not get it for a request that is gone.
  const onClose = (): void => {
    if (!request.complete) lease.release()
  }
  request.once('close', onClose)
  const answer = await readBody(request, {
    type: readContentType(headers['content-type']),
    encoding: readEncoding(headers['content-encoding']),
    tagMalformed: true,
    now,
    stall,
    maxLine: limits.maxLine,
    maxRequest: limits.maxRequest,
    maxDecompressed: limits.maxDecompressed,
    hold: lease.hold,
    onLimit: hit,
    onPiece: digest && ((piece) => void digest.update(piece)),
  }).then(
    (body) => {
      if (body === undefined) hit('memory')
      return body ?? noBudget
    },
    (error: unknown) => answerOf(error),
  )
  if ('events' in answer) {
    const mark = key === undefined ? { digest: digest?.digest('base64') ?? '' } : { key }
    return { body: answer, mark }
  }
  lease.release()
  if (request.destroyed && !request.complete) return { aborted: true }
  const whole = await drain(request, 2 * limits.maxRequest, maxDrain)
  return { answer: whole ? answer : { ...answer, close: true } }
}

function answerOf(error: unknown): Answer {
  if (!(error instanceof LogstashLinkError)) throw error
  // An interrupted body is answered to whoever is there still; it may come whole the next time.
  if (error.code === 'LSL_BODY_INTERRUPTED') return { ...noBudget, close: true }
  return error.code === 'LSL_BODY_TOO_LARGE' ? tooLarge : refused(400, error.message)
}
