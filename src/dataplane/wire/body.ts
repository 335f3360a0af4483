/** A request's body, already decompressed → events, by its content type or by how it begins. */
import type { ContentType } from './content-type.ts'
import { createValueReader } from './json-values.ts'
import { createLineReader, type EventReader, type LineReaderOptions } from './lines.ts'

/** As much of the beginning as may be needed to tell an array from a line such as `[2026-11-22 10:00:00] error`. */
const sniffBytes = 256

/**
 * Bytes that begin as a JSON array: what follows `[` is an object, a string, an array or the end; or a number or
 * literal with `,` after it, or alone in the array. So a log line in brackets stays a line.
 */
const arrayBegins =
  /^[ \t\r\n]*\[[ \t\r\n]*(?:[[{"\]]|(?:true|false|null|-?\d[\d.eE+-]*)[ \t\r\n]*(?:,|\][ \t\r\n]*$))/

/** Not enough seen: blanks alone, or a bracket with no more than blanks and a scalar. */
const undecided = /^[ \t\r\n]*(?:\[[ \t\r\n]*(?:[\w.+-]+[ \t\r\n]*(?:\][ \t\r\n]*)?)?)?$/

const valueBegins = /^[ \t\r\n]*[[{]/

/** Throws LSL_BODY_MALFORMED from push or finish for a malformed array; then nothing before it may be taken. */
export function createBodyReader(type: ContentType, options: LineReaderOptions): EventReader {
  const { transcoder } = type
  const reader = createSniffingReader(type.json, options)
  if (transcoder === undefined) return reader
  return {
    push: (chunk) => reader.push(transcoder.push(chunk)),
    finish() {
      const last = reader.push(transcoder.finish())
      const end = reader.finish()
      return {
        events: [...last.events, ...end.events],
        oversized: [...last.oversized, ...end.oversized],
      }
    },
  }
}

function createSniffingReader(json: boolean, options: LineReaderOptions): EventReader {
  let seen: Buffer = Buffer.alloc(0)
  let chosen: EventReader | undefined

  function choose(complete: boolean): EventReader | undefined {
    const text = seen.toString('latin1', 0, sniffBytes)
    if (!complete && seen.length < sniffBytes && undecided.test(text)) return undefined
    const values = arrayBegins.test(text) || (json && valueBegins.test(text))
    return values ? createValueReader(options) : createLineReader(options)
  }

  return {
    push(chunk) {
      if (chosen !== undefined) return chosen.push(chunk)
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      chosen = choose(false)
      return chosen?.push(seen) ?? { events: [], oversized: [] }
    },
    finish() {
      if (chosen !== undefined) return chosen.finish()
      const reader = choose(true) ?? createLineReader(options)
      const last = reader.push(seen)
      const end = reader.finish()
      return {
        events: [...last.events, ...end.events],
        oversized: [...last.oversized, ...end.oversized],
      }
    },
  }
}
