/** A request's body → events, within the budget. Nothing of it is taken unless all of it came and is sound. */
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { LogstashLinkError } from '../../errors.ts'
import { createBodyReader } from '../wire/body.ts'
import { readContentType } from '../wire/content-type.ts'
import { joinEvents, type Events } from '../wire/events.ts'
import { decompress, readEncoding } from '../wire/gzip.ts'
import type { LineReaderOutput, OversizedLine } from '../wire/lines.ts'
import { busy, refused, type Answer } from './answer.ts'
import type { Lease } from './budget.ts'

export interface Limits {
  maxRequest: number
  maxDecompressed: number
  maxLine: number
}

export type Gathered = { body: Buffer } | { answer: Answer } | { aborted: true }

/** What does not fit now may later; the real input's answer too. */
const noBudget: Answer = busy(1)
const tooLarge: Answer = { status: 413, close: true }

/** Cut into events at once: half a millisecond for objects, some ten for the shortest of lines. */
const sliceBytes = 256 * 1024

/** How long what will not be taken is read on, so that the answer is not lost in a reset. */
const maxDrain = 5000

/** The bytes as they came over the wire. */
export function gatherBody(
  request: IncomingMessage,
  lease: Lease,
  limits: Limits,
): Promise<Gathered> {
  return new Promise((resolve) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    const chunks: Buffer[] = []
    let length = 0
    let refusal: Answer | undefined
    let drainTimer: NodeJS.Timeout | undefined
    let ended = false

    function end(gathered: Gathered): void {
      clearTimeout(drainTimer)
      ended = true
      request.removeListener('data', onData)
      resolve(gathered)
    }

    function refuse(answer: Answer): void {
      refusal = answer
      chunks.length = 0
      lease.release()
      drainTimer = setTimeout(() => end({ answer: { ...answer, close: true } }), maxDrain)
    }

    function grow(bytes: number): void {
      const granted = lease.grow(bytes)
      if (granted === false) return refuse(noBudget)
      if (granted === true) return
      request.pause()
      void granted.then((alone) => {
        if (!alone) refuse(noBudget)
        request.resume()
      })
    }

    function onData(chunk: Buffer): void {
      length += chunk.length
      if (refusal !== undefined) {
        if (length > 2 * limits.maxRequest) end({ answer: { ...refusal, close: true } })
        return
      }
      if (length > limits.maxRequest) return refuse(tooLarge)
      chunks.push(chunk)
      if (announced === 0) grow(chunk.length)
    }

    request.on('data', onData)
    request.once('end', () => {
      const [first] = chunks
      if (refusal !== undefined) end({ answer: refusal })
      else if (chunks.length === 1 && first !== undefined) end({ body: first })
      else end({ body: Buffer.concat(chunks, length) })
    })
    // The other side went away in the middle: there is nobody to answer, and nothing was taken.
    request.once('error', () => end({ aborted: true }))
    request.once('close', () => ended || end({ aborted: true }))
    if (announced > 0) grow(announced)
  })
}

export type ReadBody =
  | { events: Events | undefined; oversized: OversizedLine[]; inflated: number }
  | { answer: Answer }

/** Takes the bytes of gatherBody. `now` is the time of events that have none. */
export async function readBody(
  body: Buffer,
  headers: IncomingMessage['headers'],
  lease: Lease,
  limits: Limits,
  now: () => Date,
): Promise<ReadBody> {
  const encoding = readEncoding(headers['content-encoding'])
  const reader = createBodyReader(readContentType(headers['content-type']), {
    maxLine: limits.maxLine,
    tagMalformed: true,
    now,
  })
  const events: Events[] = []
  const oversized: OversizedLine[] = []
  let inflated = 0
  let produced = 0
  let held = encoding === 'identity' ? body.length : 0

  /** Short lines grow when they are wrapped, so what comes out counts as well as what goes in. */
  async function account(bytes: number): Promise<void> {
    if (bytes <= held) return
    if (bytes > limits.maxDecompressed) throw new Refused(tooLarge)
    const granted = lease.grow(bytes - held)
    if (granted === false || (granted !== true && !(await granted))) throw new Refused(noBudget)
    held = bytes
  }

  function take(output: LineReaderOutput): void {
    for (const run of output.events) produced += run.body.length
    events.push(...output.events)
    oversized.push(...output.oversized)
  }

  try {
    await decompress(body, {
      encoding,
      maxOutput: limits.maxDecompressed,
      async onOutput(chunk) {
        inflated += chunk.length
        await account(inflated)
        for (let start = 0; start < chunk.length; start += sliceBytes) {
          // Others get their turn between slices.
          if (start > 0) await setImmediate()
          take(reader.push(chunk.subarray(start, start + sliceBytes)))
          await account(produced)
        }
      },
    })
    take(reader.finish())
    await account(produced)
  } catch (error) {
    if (error instanceof Refused) return { answer: error.answer }
    if (!(error instanceof LogstashLinkError)) throw error
    return { answer: error.code === 'LSL_BODY_TOO_LARGE' ? tooLarge : refused(400, error.message) }
  }
  return { events: events.length === 0 ? undefined : joinEvents(events), oversized, inflated }
}

class Refused extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`answered ${answer.status}`)
    this.answer = answer
  }
}
