/**
 * collect.http on the pod's loopback: NDJSON, JSON objects or a JSON array by POST or PUT, any path.
 *
 * | what                                              | answer                                         |
 * |---------------------------------------------------|------------------------------------------------|
 * | all events delivered or dead-lettered, or none    | 200 ok                                         |
 * | no room for 1 s                                   | 429, Retry-After: 1                            |
 * | not delivered within 25 s, dropped, or stopping   | 503, Retry-After: 1; unsent events withdrawn   |
 * | a line over the limit that cannot be kept now     | 503, Retry-After: 1; the others are delivered  |
 * | broken body / too large / encoding, type unknown  | 400 / 413 / 415, nothing taken                 |
 * | GET and every other method                        | 405, Allow: POST, PUT                          |
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import { LogstashLinkError, messageOf } from '../../../errors.ts'
import { http } from '../../../node-http.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Watched } from '../../files/watched.ts'
import { drain } from '../../http/body.ts'
import { systemTime } from '../../time.ts'
import type { Intake } from '../intake.ts'
import type { Timeouts } from '../timeouts.ts'
import type { Collected } from './collected.ts'
import { createCommitting } from './commit.ts'
import { readEvents } from './request-body.ts'
import type { CollectLimits } from './limits.ts'
import { limitConnections, listen, portOf, type Collector } from './listen.ts'

export interface HttpDeps {
  intake: Intake
  collected: Collected
  timeouts: Timeouts
  hit: CollectLimits
  log: Log
}

type Answer = { status: number; text: string; headers?: Record<string, string | number> }

/** A keep-alive connection is the application's to close. */
const idleLimit = 11 * 60_000
const requestLimit = 60_000
/** Without a byte of a body: what it holds is needed elsewhere. */
const stallLimit = 10_000
/** How long what is refused is read on, so that the answer is not lost in a reset. */
const drainLimit = 5_000

const ok: Answer = { status: 200, text: 'ok' }
const full: Answer = {
  status: 429,
  text: 'The queue is full; try again later',
  headers: { 'Retry-After': 1 },
}
const notDelivered: Answer = {
  status: 503,
  text: 'Not delivered yet; try again later',
  headers: { 'Retry-After': 1 },
}
const notKept: Answer = {
  status: 503,
  text: 'Lines over the limit cannot be kept now; try again later',
  headers: { 'Retry-After': 1 },
}
/** By what became of the events. */
const answers = { done: ok, undone: notDelivered, full }
const wrongMethod: Answer = {
  status: 405,
  text: 'Events are taken by POST',
  headers: { Allow: 'POST, PUT' },
}

export async function collectHttp(
  settings: Watched<SenderSettings>,
  port: number,
  { intake, collected, timeouts, hit, log }: HttpDeps,
): Promise<Collector> {
  const time = systemTime
  const committing = createCommitting({ intake, timeouts, time })
  let stopping = false

  async function accept(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST' && request.method !== 'PUT') return wrongMethod
    if (stopping) return notDelivered
    const { maxLine, maxRequest } = settings.current.limits
    const held = await readEvents(request, {
      maxLine,
      maxRequest,
      stall: stallLimit,
      intake,
      onLimit: (limit) => hit(limit === 'maxDecompressed' ? 'maxRequest' : limit, { maxRequest }),
      waitForRoom: async (since) => committing.roomWithin(since + timeouts.room),
    })
    if (held === undefined) return full
    try {
      const { events, oversized } = collected.finish(held.body)
      if (oversized.length > 0 && !collected.canSetAside()) {
        return { status: 413, text: `A line is longer than ${maxLine} bytes` }
      }
      const answer =
        events.length === 0 ? ok : answers[await committing.commit(events, held.release)]
      // Last, as whatever is not answered 200 comes again, and its dead letters would stand there twice.
      if (answer !== ok || (await collected.setAside(oversized, 'collect.http'))) return answer
      return notKept
    } finally {
      held.release()
    }
  }

  const server = http.createServer(
    { keepAliveTimeout: idleLimit, requestTimeout: requestLimit, headersTimeout: requestLimit },
    (request, response) => {
      accept(request)
        .catch((error: unknown) => answerOf(error, log))
        .then(async (answer) => {
          if (answer === full) hit('memory', { where: 'collect.http' })
          if (!request.complete) {
            await drain(request, 2 * settings.current.limits.maxRequest, drainLimit)
          }
          respond(request, response, answer, stopping)
        })
        .catch((error: unknown) => {
          log.warn({ problem: messageOf(error) }, 'collect.http: an answer could not be written')
          response.destroy()
        })
    },
  )
  limitConnections(server, settings, 'collect.http', hit)
  await listen(server, port, settings.current.loopback, 'collect.http')
  return {
    port: portOf(server),
    stop() {
      stopping = true
      server.close()
      server.closeIdleConnections()
      return Promise.resolve()
    },
    end() {
      committing.end()
    },
  }
}

function answerOf(error: unknown, log: Log): Answer {
  const code = error instanceof LogstashLinkError ? error.code : undefined
  const status = code === undefined ? undefined : statuses[code]
  if (status === undefined) {
    log.error({ err: error }, 'collect.http: a request failed')
    return { status: 500, text: 'Internal error' }
  }
  return { status, text: messageOf(error) }
}

const statuses: Partial<Record<LogstashLinkError['code'], number>> = {
  LSL_BODY_MALFORMED: 400,
  LSL_BODY_CORRUPT: 400,
  LSL_BODY_TOO_LARGE: 413,
  LSL_BODY_INTERRUPTED: 400,
  LSL_CONTENT_ENCODING_UNSUPPORTED: 415,
  LSL_CONTENT_TYPE_UNSUPPORTED: 415,
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, text, headers }: Answer,
  stopping: boolean,
): void {
  const body = Buffer.from(text)
  if (response.destroyed) return
  response.writeHead(status, {
    'Content-Type': 'text/plain',
    'Content-Length': body.length,
    ...headers,
    // What is left of a refused body is not read: the connection ends instead.
    ...(stopping || !request.complete ? { Connection: 'close' } : {}),
  })
  response.end(body)
}
