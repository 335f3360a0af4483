/** What a request's Content-Type says of its body. */
import { LogstashLinkError } from '../../errors.ts'

export interface ContentType {
  /** True: JSON values, else NDJSON unless the body begins as an array. */
  json: boolean
  /** Undefined where the bytes are UTF-8 already. */
  transcoder: Transcoder | undefined
}

/** Bytes of another charset → UTF-8, chunk by chunk. */
interface Transcoder {
  push(chunk: Buffer): Buffer
  finish(): Buffer
}

const none: ContentType = { json: false, transcoder: undefined }

/**
 * Any type is taken, as the real input does (curl's default one counts as NDJSON), but a form with files, whose bytes
 * hold more than events. Throws LSL_CONTENT_TYPE_UNSUPPORTED for that and for a charset that nobody knows.
 */
export function readContentType(header: string | undefined): ContentType {
  if (header === undefined) return none
  const type = header.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type.startsWith('multipart/')) throw unsupported(header)
  const json = type === 'application/json' || type.endsWith('+json')
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(header)?.[1]?.toLowerCase()
  return { json, transcoder: charset === undefined ? undefined : transcoderOf(charset, header) }
}

function transcoderOf(charset: string, header: string): ContentType['transcoder'] {
  if (/^(?:utf-?8|us-ascii|ascii)$/.test(charset)) return undefined
  // The Encoding Standard reads iso-8859-1 as windows-1252; a real input takes it at its word.
  if (charset === 'iso-8859-1' || charset === 'latin1') return latin1()
  const decoder = decoderOf(charset, header)
  return {
    push: (chunk) => Buffer.from(decoder.decode(chunk, { stream: true })),
    finish: () => Buffer.from(decoder.decode()),
  }
}

function decoderOf(charset: string, header: string): TextDecoder {
  try {
    return new TextDecoder(charset)
  } catch (cause) {
    throw unsupported(header, cause)
  }
}

function latin1(): Transcoder {
  return {
    push: (chunk) => Buffer.from(chunk.toString('latin1')),
    finish: () => Buffer.alloc(0),
  }
}

function unsupported(header: string, cause?: unknown): LogstashLinkError {
  return new LogstashLinkError('LSL_CONTENT_TYPE_UNSUPPORTED', [JSON.stringify(header)], { cause })
}
