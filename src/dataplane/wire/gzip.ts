/**
 * Compression of batches, and bounded decompression of what anyone may send.
 *
 * Small bodies are done on the event loop: at 0.3 µs an event (inflate) and 1.1 µs (level 1) a batch of 1,000 takes
 * about a millisecond, and the way through the thread pool costs a third more processor time. Larger ones go to the pool.
 */
import { promisify } from 'node:util'
import {
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gunzipSync,
  gzip,
  gzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
  type Gunzip,
} from 'node:zlib'
import { LogstashLinkError, messageOf } from '../../errors.ts'

export type Encoding = 'gzip' | 'deflate' | 'zstd' | 'identity'

/** Throws LSL_CONTENT_ENCODING_UNSUPPORTED for what is not known and for several encodings on top of each other. */
export function readEncoding(header: string | undefined): Encoding {
  switch (header?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return 'identity'
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
      return 'deflate'
    case 'zstd':
      return 'zstd'
    default:
      throw new LogstashLinkError('LSL_CONTENT_ENCODING_UNSUPPORTED', [JSON.stringify(header)])
  }
}

/** Level 1 costs 40 % of level 6 and gives 5.0:1 in place of 6.0:1 on access-log events. */
const level = 1
const smallInput = 512 * 1024
/** At most this much is inflated on the event loop at once: about 3 ms. */
const smallOutput = 2 * 1024 * 1024
/** Smaller chunks cost more in calls than they save. */
const chunkSize = 64 * 1024

const gzipInPool = promisify(gzip)

/** One gzip member. */
export async function compress(body: Buffer): Promise<Buffer> {
  // Room for all output at once, so that nothing is concatenated; a batch seldom gives more than half its size.
  const options = { level, memLevel: 9, chunkSize: Math.max(chunkSize, body.length >> 1) }
  return body.length <= smallInput ? gzipSync(body, options) : gzipInPool(body, options)
}

export interface Decompression {
  encoding: Encoding
  /** Bytes; more is LSL_BODY_TOO_LARGE. */
  maxOutput: number
  /** Gets the output piece by piece, in order, and is waited for. What it throws ends the work. */
  onOutput(this: void, chunk: Buffer): void | Promise<void>
}

/**
 * `rest` are the pieces of the body after its beginning, where there are more; what they throw is passed on. Rejects with
 * LSL_BODY_CORRUPT for what is cut off, broken or followed by garbage, LSL_BODY_TOO_LARGE, or what onOutput threw. Output
 * that came before such an end must not be taken. An empty body is empty output in every encoding.
 */
export async function decompress(
  body: Buffer,
  options: Decompression,
  rest?: AsyncIterable<Buffer>,
): Promise<void> {
  const { encoding, maxOutput, onOutput } = options
  if (body.length === 0) return
  if (encoding === 'identity') {
    if (body.length > maxOutput) throw tooLarge(maxOutput)
    await onOutput(body)
    return
  }
  const codec = codecOf(encoding, body)
  const output = rest === undefined ? inflateSmall(body, codec, options) : undefined
  if (output === undefined) await inflateLarge(body, rest, codec, options)
  else await onOutput(output)
}

interface Codec {
  /** With `info` all of them give the output and how much of the input they took. */
  sync: (body: Buffer, options: SyncOptions) => unknown
  stream: (options: { chunkSize: number; rejectGarbageAfterEnd: boolean }) => Gunzip
  /** Where the format says beforehand how much comes out; foreign, so a hint alone. */
  expected: number
  /** Gzip may be padded with zeros, and other members may follow. */
  gzip: boolean
}

interface SyncOptions {
  info: true
  maxOutputLength: number
  rejectGarbageAfterEnd: boolean
  chunkSize: number
}

function codecOf(encoding: Exclude<Encoding, 'identity'>, body: Buffer): Codec {
  const expected = body.length * 8
  if (encoding === 'gzip') {
    const size = body.length < 18 ? expected : body.readUInt32LE(body.length - 4)
    return { sync: gunzipSync, stream: createGunzip, expected: size, gzip: true }
  }
  if (encoding === 'zstd') {
    return {
      sync: zstdDecompressSync,
      stream: createZstdDecompress,
      expected,
      gzip: false,
    }
  }
  // "deflate" means zlib's format, yet some peers send it raw, and servers take both.
  const zlibHeader = body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
  return zlibHeader
    ? { sync: inflateSync, stream: createInflate, expected, gzip: false }
    : {
        sync: inflateRawSync,
        stream: createInflateRaw,
        expected,
        gzip: false,
      }
}

/** Undefined when it is too much for the event loop. */
function inflateSmall(body: Buffer, codec: Codec, options: Decompression): Buffer | undefined {
  const { encoding, maxOutput } = options
  if (body.length > smallInput || codec.expected > smallOutput) return undefined
  const limit = Math.min(maxOutput, smallOutput)
  try {
    const { buffer, engine } = codec.sync(body, {
      info: true,
      maxOutputLength: limit,
      rejectGarbageAfterEnd: !codec.gzip,
      chunkSize: Math.min(Math.max(codec.expected + 1, 1024), smallOutput),
    }) as { buffer: Buffer; engine: { bytesWritten: number } }
    if (codec.gzip) refuseGarbage(body, engine.bytesWritten)
    return buffer
  } catch (thrown) {
    if (!isNodeError(thrown, 'ERR_BUFFER_TOO_LARGE')) throw corrupt(encoding, thrown)
    if (limit === maxOutput) throw tooLarge(maxOutput)
    return undefined
  }
}

/** In the thread pool. zlib's own maxOutputLength does not bound a stream (measured, Node 26), so the output is counted. */
async function inflateLarge(
  body: Buffer,
  rest: AsyncIterable<Buffer> | undefined,
  codec: Codec,
  options: Decompression,
): Promise<void> {
  const { encoding, maxOutput, onOutput } = options
  const stream = codec.stream({ chunkSize, rejectGarbageAfterEnd: !codec.gzip })
  let length = 0
  let failure: { thrown: unknown } | undefined
  const feeding = feed(stream, body, rest, codec.gzip).catch((thrown: unknown) => {
    failure ??= { thrown }
    stream.destroy()
  })
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length
      try {
        if (length > maxOutput) throw tooLarge(maxOutput)
        await onOutput(chunk)
      } catch (thrown) {
        failure ??= { thrown }
        throw thrown
      }
    }
  } catch (thrown) {
    failure ??= { thrown: corrupt(encoding, thrown) }
  }
  // Whoever gave the pieces has them to itself again.
  await feeding
  if (failure === undefined) return
  const { thrown } = failure
  throw thrown instanceof Garbage ? corrupt(encoding, thrown) : thrown
}

/** One piece after the other, each let go when it is consumed; after the end of gzip only zeros may come. */
async function feed(
  stream: Gunzip,
  body: Buffer,
  rest: AsyncIterable<Buffer> | undefined,
  gzip: boolean,
): Promise<void> {
  const closed = new Promise<void>((resolve) => stream.once('close', resolve))
  let fed = 0

  async function write(piece: Buffer): Promise<void> {
    await Promise.race([new Promise((resolve) => stream.write(piece, resolve)), closed])
    fed += piece.length
    if (gzip) refuseGarbage(piece, Math.max(0, piece.length - (fed - stream.bytesWritten)))
  }

  await write(body)
  for await (const piece of rest ?? []) {
    if (stream.errored !== null || (stream.destroyed && !stream.readableEnded)) return
    if (fed === stream.bytesWritten) await write(piece)
    else refuseGarbage(piece, 0)
  }
  stream.end()
}

class Garbage extends Error {}

/** zlib stops in silence at a zero byte after a member. */
function refuseGarbage(body: Buffer, consumed: number): void {
  for (let i = consumed; i < body.length; i += 1) {
    if (body[i] !== 0) throw new Garbage('garbage after the end')
  }
}

function corrupt(encoding: Encoding, cause: unknown): LogstashLinkError {
  return new LogstashLinkError('LSL_BODY_CORRUPT', [encoding, messageOf(cause)], { cause })
}

function tooLarge(limit: number): LogstashLinkError {
  return new LogstashLinkError('LSL_BODY_TOO_LARGE', [limit, 'after decompression'])
}

function isNodeError(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code
}
