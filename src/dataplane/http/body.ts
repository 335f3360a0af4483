/**
 * The body of one request → its events, for everybody who takes events by HTTP. Nothing is held twice: pieces go into the
 * reader as they come and are let go, and each byte that is held, compressed or inflated, is accounted beforehand.
 *
 *   request ─ pieces ─▶ (inflated) ─ chunks ─▶ reader ─ runs ─▶ events
 *       └── maxRequest       └── maxDecompressed       └── likewise: short lines grow when they are wrapped
 */
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { LogstashLinkError, messageOf } from '../../errors.ts'
import { createBodyReader } from '../wire/body.ts'
import type { ContentType } from '../wire/content-type.ts'
import type { Events } from '../wire/events.ts'
import { decompress, type Encoding } from '../wire/gzip.ts'
import type { LineReaderOptions, LineReaderOutput, OversizedLine } from '../wire/lines.ts'
import { createRuns } from '../wire/runs.ts'

export interface BodyOptions extends LineReaderOptions {
  type: ContentType
  encoding: Encoding
  /** Bytes as they come. */
  maxRequest: number
  /** Bytes inflated, and of events. */
  maxDecompressed: number
  /** Milliseconds without a byte after which the connection is closed, as what it holds is needed elsewhere. */
  stall: number
  /** The body holds so many bytes in all from now on; false: there is no room for them. */
  hold(this: void, bytes: number): boolean | Promise<boolean>
  /** Hears which limit it is that ends the reading, before that is thrown. */
  onLimit?:
    | ((this: void, limit: 'maxRequest' | 'maxDecompressed' | 'bodyStall') => void)
    | undefined
  /** Sees the bytes as they came. */
  onPiece?: ((this: void, piece: Buffer) => void) | undefined
}

export interface Body {
  events: Events[]
  oversized: OversizedLine[]
  /** Bytes as they came, and inflated. */
  received: number
  inflated: number
}

/** Cut into events at once: half a millisecond for objects, some ten for the shortest of lines. */
const sliceBytes = 256 * 1024
/** A compressed body up to this is gathered, as it may be inflated in one go. */
const gatherBytes = 512 * 1024

/**
 * Undefined when there was no room. Throws LSL_BODY_CORRUPT, LSL_BODY_MALFORMED, LSL_BODY_TOO_LARGE, and
 * LSL_BODY_INTERRUPTED when not all of it came. The request is left as it is then: undestroyed, its rest unread.
 */
export async function readBody(
  request: IncomingMessage,
  options: BodyOptions,
): Promise<Body | undefined> {
  const { encoding, maxRequest, maxDecompressed, stall, hold, onPiece, onLimit } = options
  const reader = createBodyReader(options.type, options)
  const runs = createRuns()
  const oversized: OversizedLine[] = []
  let received = 0
  /** Compressed and not consumed yet. */
  let pending = 0
  let inflated = 0

  async function account(): Promise<void> {
    const output = Math.max(inflated, runs.bytes)
    if (output > maxDecompressed) {
      throw new LogstashLinkError('LSL_BODY_TOO_LARGE', [maxDecompressed, 'after decompression'])
    }
    const granted = hold(pending + output)
    if (granted !== true && !(await granted)) throw new NoRoom()
  }

  function take(output: LineReaderOutput): void {
    for (const run of output.events) runs.add(run)
    oversized.push(...output.oversized)
  }

  async function onOutput(chunk: Buffer): Promise<void> {
    inflated += chunk.length
    await account()
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      // Others get their turn between slices.
      if (start > 0) await setImmediate()
      take(reader.push(chunk.subarray(start, start + sliceBytes)))
      if (runs.bytes > inflated) await account()
    }
  }

  async function* pieces(): AsyncGenerator<Buffer, void> {
    let waiting = true
    const timer = setTimeout(() => {
      if (!waiting) return
      onLimit?.('bodyStall')
      request.destroy()
    }, stall)
    try {
      for await (const piece of request.iterator({ destroyOnReturn: false })) {
        const bytes = piece as Buffer
        waiting = false
        received += bytes.length
        if (received > maxRequest) {
          throw new LogstashLinkError('LSL_BODY_TOO_LARGE', [maxRequest, 'as it is sent'])
        }
        onPiece?.(bytes)
        yield bytes
        waiting = true
        timer.refresh()
      }
    } catch (error) {
      if (error instanceof LogstashLinkError) throw error
      throw interrupted(error)
    } finally {
      clearTimeout(timer)
    }
    if (!request.complete) throw interrupted('the connection ended before the body')
  }

  /** Compressed pieces are held until the next one is asked for. */
  async function* held(source: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
    for await (const piece of source) {
      pending += piece.length
      await account()
      yield piece
      pending -= piece.length
    }
  }

  async function inflate(source: AsyncGenerator<Buffer, void>): Promise<void> {
    const gathered: Buffer[] = []
    let more = true
    while (more && pending <= gatherBytes) {
      const next = await source.next()
      if (next.done === true) more = false
      else {
        pending += next.value.length
        gathered.push(next.value)
        await account()
      }
    }
    const [only] = gathered
    const head = gathered.length === 1 && only !== undefined ? only : Buffer.concat(gathered)
    gathered.length = 0
    const rest = more ? held(source) : undefined
    await decompress(head, { encoding, maxOutput: maxDecompressed, onOutput }, rest)
    pending = 0
  }

  const source = pieces()
  try {
    if (encoding === 'identity') for await (const piece of source) await onOutput(piece)
    else await inflate(source)
    take(reader.finish())
    const events = runs.finish()
    await account()
    return { events, oversized, received, inflated }
  } catch (error) {
    if (error instanceof NoRoom) return undefined
    if (error instanceof LogstashLinkError && error.code === 'LSL_BODY_TOO_LARGE') {
      onLimit?.(received > maxRequest ? 'maxRequest' : 'maxDecompressed')
    }
    throw error
  } finally {
    await source.return()
  }
}

function interrupted(cause: unknown): LogstashLinkError {
  return new LogstashLinkError('LSL_BODY_INTERRUPTED', [messageOf(cause)], { cause })
}

class NoRoom extends Error {}

/**
 * Reads on what will not be taken, so that the answer is not lost in a reset, up to `maxBytes` and for `ms` milliseconds.
 * True when the body ended: then the connection can serve another request.
 */
export function drain(request: IncomingMessage, maxBytes: number, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    let length = 0
    const timer = setTimeout(() => end(false), ms)
    function end(whole: boolean): void {
      clearTimeout(timer)
      request.removeListener('data', onData)
      resolve(whole)
    }
    function onData(chunk: Buffer): void {
      length += chunk.length
      if (length > maxBytes) end(false)
    }
    if (request.destroyed || request.readableEnded) return end(request.complete)
    request.once('error', () => end(false))
    request.once('close', () => end(request.complete))
    request.once('end', () => end(true))
    request.on('data', onData)
    request.resume()
  })
}
