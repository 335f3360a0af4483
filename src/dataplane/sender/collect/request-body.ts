/** The whole body of one request → its events. All or nothing, so nothing of it is committed before its end. */
import type { IncomingMessage } from 'node:http'
import { LogstashLinkError, messageOf } from '../../../errors.ts'
import { createBodyReader } from '../../wire/body.ts'
import type { ContentType } from '../../wire/content-type.ts'
import { decompress, type Encoding } from '../../wire/gzip.ts'
import type { LineReaderOutput } from '../../wire/lines.ts'
import type { Intake } from '../intake.ts'

export interface ReadOptions {
  type: ContentType
  encoding: Encoding
  maxLine: number
  /** For the body as it comes and for what it inflates to, each. */
  maxRequest: number
  intake: Intake
  /** Waits for memory, counted from when it began to lack; false: it took too long. */
  waitForRoom(since: number): Promise<boolean>
}

export interface ReadBody {
  output: LineReaderOutput
  /** Gives back the memory that the events hold until the queue counts them. */
  release(): void
}

/** Undefined when there was no memory for it. Throws LSL_BODY_…, and then holds nothing. */
export async function readEvents(
  request: IncomingMessage,
  options: ReadOptions,
): Promise<ReadBody | undefined> {
  const { maxRequest, intake } = options
  let held = 0
  function hold(bytes: number): void {
    held += bytes
    intake.hold(bytes)
  }
  try {
    const declared = Number(request.headers['content-length'] ?? 0)
    if (declared > maxRequest)
      throw new LogstashLinkError('LSL_BODY_TOO_LARGE', [maxRequest, 'as it is sent'])
    const chunks: Buffer[] = []
    let length = 0
    for await (const piece of request) {
      const chunk = piece as Buffer
      length += chunk.length
      if (length > maxRequest)
        throw new LogstashLinkError('LSL_BODY_TOO_LARGE', [maxRequest, 'as it is sent'])
      hold(chunk.length)
      chunks.push(chunk)
      const since = performance.now()
      while (!intake.mayRead(held)) {
        if (!(await options.waitForRoom(since))) {
          intake.hold(-held)
          return undefined
        }
      }
    }
    if (!request.complete) throw new Error('the connection ended before the body')
    const output = await parse(chunks.splice(0), options)
    hold(output.events.reduce((sum, { body }) => sum + body.length, 0) - length)
    return { output, release: () => hold(-held) }
  } catch (error) {
    intake.hold(-held)
    if (error instanceof LogstashLinkError) throw error
    throw new LogstashLinkError('LSL_BODY_INTERRUPTED', [messageOf(error)], { cause: error })
  }
}

async function parse(
  chunks: Buffer[],
  { type, encoding, maxLine, maxRequest }: ReadOptions,
): Promise<LineReaderOutput> {
  const reader = createBodyReader(type, { maxLine, tagMalformed: false, now: () => new Date() })
  const whole: LineReaderOutput = { events: [], oversized: [] }
  function add({ events, oversized }: LineReaderOutput): void {
    whole.events.push(...events)
    whole.oversized.push(...oversized)
  }
  const [only] = chunks
  const body = chunks.length === 1 && only ? only : Buffer.concat(chunks)
  await decompress(body, {
    encoding,
    maxOutput: maxRequest,
    onOutput: (chunk) => add(reader.push(chunk)),
  })
  add(reader.finish())
  return whole
}
