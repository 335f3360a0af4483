/** The whole body of one request → its events, within the sender's account of memory. */
import type { IncomingMessage } from 'node:http'
import { readBody, type Body, type BodyOptions } from '../../http/body.ts'
import { readContentType } from '../../wire/content-type.ts'
import { readEncoding } from '../../wire/gzip.ts'
import type { Intake } from '../intake.ts'

export interface ReadOptions {
  maxLine: number
  /** For the body as it comes and for what it inflates to, each. */
  maxRequest: number
  /** Milliseconds without a byte after which the connection is closed. */
  stall: number
  intake: Intake
  onLimit?: BodyOptions['onLimit']
  /** Waits for memory, counted from when it began to lack; false: it took too long. */
  waitForRoom(this: void, since: number): Promise<boolean>
}

export interface HeldBody {
  body: Body
  /** Gives back the memory that the events hold until the queue counts them. */
  release(this: void): void
}

/** Undefined when there was no memory for it. Throws LSL_BODY_… and LSL_CONTENT_…, and then holds nothing. */
export async function readEvents(
  request: IncomingMessage,
  { maxLine, maxRequest, stall, intake, onLimit, waitForRoom }: ReadOptions,
): Promise<HeldBody | undefined> {
  const { headers } = request
  let held = 0

  function set(bytes: number): void {
    intake.hold(bytes - held)
    held = bytes
  }

  async function room(): Promise<boolean> {
    const since = performance.now()
    while (!intake.mayRead(held)) if (!(await waitForRoom(since))) return false
    return true
  }

  function hold(bytes: number): boolean | Promise<boolean> {
    const more = bytes > held
    set(bytes)
    return !more || intake.mayRead(held) || room()
  }

  let body: Body | undefined
  try {
    body = await readBody(request, {
      type: readContentType(headers['content-type']),
      encoding: readEncoding(headers['content-encoding']),
      tagMalformed: false,
      now: () => new Date(),
      stall,
      maxLine,
      maxRequest,
      maxDecompressed: maxRequest,
      hold,
      onLimit,
    })
  } finally {
    if (body === undefined) set(0)
  }
  return body && { body, release: () => set(0) }
}
