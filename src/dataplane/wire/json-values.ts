/**
 * A JSON array of events, or JSON objects one after the other, as bytes in any chunking → events. Nothing is parsed: a
 * scanner that knows strings, escapes and brackets finds where an element ends.
 *
 *   before ─ [ ─▶ first ─ ] ─▶ end            between: blanks
 *     │             │ value                     first, next: a value begins
 *     { ◀──────┐    ▼                           after: `,` or `]`
 *     ▼        │  inside ─ value ends ─▶ after ─ , ─▶ next ─ value ─▶ inside
 *   inside ─ object ends                      after ─ ] ─▶ end
 */
import { LogstashLinkError } from '../../errors.ts'
import { createCarry, headBytes } from './carry.ts'
import type { Events } from './events.ts'
import type { EventReader, LineReaderOptions, LineReaderOutput } from './lines.ts'
import { kindOfLine, wrapLine } from './wrap.ts'

type Expecting = 'before' | 'first' | 'next' | 'after' | 'end' | 'container' | 'string' | 'scalar'

const maxDepth = 10_000
const lineEnd: Buffer = Buffer.from('\n')
const space: Buffer = Buffer.from(' ')
const byte = {
  tab: 0x09,
  newline: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const

/**
 * Bytes of elements stay, but for newlines outside strings, which become spaces. An element that is no object is wrapped.
 * push and finish throw LSL_BODY_MALFORMED for what is no such JSON; then nothing that came before may be taken.
 */
export function createValueReader(options: LineReaderOptions): EventReader {
  const carried = createCarry(options.maxLine)
  const open: number[] = []
  let expecting: Expecting = 'before'
  let inArray = false
  let objects = false
  let inString = false
  let escaped = false
  let offset = 0

  function malformed(got: string, at: number): never {
    throw new LogstashLinkError('LSL_BODY_MALFORMED', [got, offset + at])
  }

  /** Looks at a byte outside strings and inside an element: brackets must match. True when the element ends with it. */
  function bracket(value: number, at: number): boolean {
    if (value === byte.openBrace || value === byte.openBracket) {
      // '{' and '[' are each two below the byte that closes them.
      if (open.push(value + 2) > maxDepth) malformed(`more than ${maxDepth} levels`, at)
    } else if (value === byte.closeBrace || value === byte.closeBracket) {
      if (open.pop() !== value) malformed(`"${String.fromCharCode(value)}"`, at)
      return open.length === 0
    }
    return false
  }

  return {
    push(chunk) {
      const out = createOutput(options)
      let start = 0

      function end(until: number): void {
        const piece = chunk.subarray(start, until)
        if (carried.length === 0) out.add(piece, piece.length)
        else {
          carried.add(piece)
          const { bytes, length } = carried.take()
          out.add(bytes, length)
        }
        expecting = inArray ? 'after' : 'before'
        objects = !inArray
      }

      for (let i = 0; i < chunk.length; i += 1) {
        const value = chunk[i] ?? 0
        if (inString) {
          if (escaped) escaped = false
          else if (value === byte.backslash) escaped = true
          else if (value === byte.quote) {
            inString = false
            if (expecting === 'string') end(i + 1)
          } else if (value === byte.newline) malformed('a newline inside a string', i)
          continue
        }
        if (expecting === 'container') {
          if (value === byte.quote) inString = true
          else if (value === byte.newline || value === byte.carriageReturn) {
            carried.add(chunk.subarray(start, i))
            carried.add(space)
            start = i + 1
          } else if (bracket(value, i)) end(i + 1)
          continue
        }
        if (expecting === 'scalar') {
          if (value !== byte.comma && value !== byte.closeBracket && !isBlank(value)) continue
          carried.add(chunk.subarray(start, i))
          start = i
          const { bytes, length } = carried.take()
          if (!isScalar(bytes)) malformed(quoted(bytes), i - length)
          out.add(bytes, length)
          expecting = 'after'
        }
        if (isBlank(value)) continue
        if (expecting === 'before' && value === byte.openBracket) {
          if (objects) malformed('"[" after a value', i)
          inArray = true
          expecting = 'first'
        } else if (expecting === 'before' && value !== byte.openBrace) {
          malformed(quoted(chunk.subarray(i, i + 1)), i)
        } else if (
          (expecting === 'first' || expecting === 'after') &&
          value === byte.closeBracket
        ) {
          expecting = 'end'
        } else if (expecting === 'after' && value === byte.comma) {
          expecting = 'next'
        } else if (expecting === 'after' || expecting === 'end') {
          malformed(`${quoted(chunk.subarray(i, i + 1))} after a value`, i)
        } else {
          start = i
          if (value === byte.quote) {
            expecting = 'string'
            inString = true
          } else if (value === byte.openBrace || value === byte.openBracket) {
            expecting = 'container'
            bracket(value, i)
          } else if (value === byte.comma || value === byte.closeBracket) {
            malformed(quoted(chunk.subarray(i, i + 1)), i)
          } else expecting = 'scalar'
        }
      }
      if (expecting === 'container' || expecting === 'string' || expecting === 'scalar') {
        carried.add(chunk.subarray(start))
      }
      offset += chunk.length
      return out.take()
    },
    finish() {
      if (expecting !== 'before' && expecting !== 'end') malformed('its end', 0)
      return { events: [], oversized: [] }
    },
  }
}

/** What one chunk gives: elements collected into one run of events. */
function createOutput(options: LineReaderOptions) {
  const pieces: Buffer[] = []
  const oversized: LineReaderOutput['oversized'] = []
  let count = 0
  return {
    add(bytes: Buffer, length: number): void {
      if (length > options.maxLine) {
        oversized.push({ head: Buffer.from(bytes.subarray(0, headBytes)), length })
        return
      }
      if (kindOfLine(bytes, 0, bytes.length) === 'object') pieces.push(bytes, lineEnd)
      else pieces.push(wrapLine(bytes, options))
      count += 1
    },
    take(): LineReaderOutput {
      const events: Events[] = count === 0 ? [] : [{ body: Buffer.concat(pieces), count }]
      return { events, oversized }
    },
  }
}

function isBlank(value: number): boolean {
  return (
    value === byte.space ||
    value === byte.newline ||
    value === byte.carriageReturn ||
    value === byte.tab
  )
}

function isScalar(bytes: Buffer): boolean {
  return /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(
    bytes.toString('latin1'),
  )
}

function quoted(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 20).toString('latin1'))
}
