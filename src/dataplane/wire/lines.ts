/**
 * Bytes in any chunking → events. Speed is the point: one search for the newline per line and two bytes looked at; a
 * run of lines that pass as they are stays one subarray of its chunk, and only a line that crosses chunks or is changed
 * is copied.
 *
 *   chunk │ {"a":1}\n{"b":2}\nplain\n{"c":3}\n{"d"   │ :4}\n …
 *   out   │ [─────── run ──────][wrapped][─ run ─]    │ [copied] …
 */
import { createCarry, headBytes } from './carry.ts'
import { newline, type Events } from './events.ts'
import { kindOfLine, wrapLine, type Wrapping } from './wrap.ts'

export interface LineReaderOptions extends Wrapping {
  /** Bytes of one line without its end; a longer one is `oversized` and never held in memory as a whole. */
  maxLine: number
}

/** A line over the limit. */
export interface OversizedLine {
  /** Its first 1 KiB. */
  head: Buffer
  /** Its bytes, without the line's end. */
  length: number
}

export interface LineReaderOutput {
  events: Events[]
  oversized: OversizedLine[]
}

/** Takes bytes in chunks that it does not own afterwards to change, and gives whole events. */
export interface EventReader {
  push(chunk: Buffer): LineReaderOutput
  /** The end of input: a last line without newline is taken. The reader can be used anew afterwards. */
  finish(): LineReaderOutput
}

const openBrace = 0x7b
const closeBrace = 0x7d
const carriageReturn = 0x0d
const lineEnd: Buffer = Buffer.from('\n')

export function createLineReader(options: LineReaderOptions): EventReader {
  const { maxLine } = options
  const carried = createCarry(maxLine)
  let output: LineReaderOutput = { events: [], oversized: [] }
  let changed: Buffer[] = []
  let changedCount = 0

  function flushChanged(): void {
    if (changedCount === 0) return
    output.events.push({ body: Buffer.concat(changed), count: changedCount })
    changed = []
    changedCount = 0
  }

  function emitRun(chunk: Buffer, start: number, end: number, count: number): void {
    if (count === 0) return
    flushChanged()
    output.events.push({ body: own(chunk, start, end), count })
  }

  /** A line that needs more than a look: bytes[start, end) without its newline. */
  function emitLine(bytes: Buffer, start: number, end: number): void {
    const textEnd = end > start && bytes[end - 1] === carriageReturn ? end - 1 : end
    if (textEnd - start > maxLine) {
      const head = Buffer.from(bytes.subarray(start, Math.min(textEnd, start + headBytes)))
      output.oversized.push({ head, length: textEnd - start })
      return
    }
    const kind = kindOfLine(bytes, start, textEnd)
    if (kind === 'blank') return
    const text = bytes.subarray(start, textEnd)
    if (kind === 'object') changed.push(text, lineEnd)
    else changed.push(wrapLine(text, options))
    changedCount += 1
  }

  function endCarried(): void {
    const { bytes, length } = carried.take()
    if (length > bytes.length) {
      output.oversized.push({ head: Buffer.from(bytes.subarray(0, headBytes)), length })
    } else emitLine(bytes, 0, bytes.length)
    flushChanged()
  }

  function take(): LineReaderOutput {
    const taken = output
    output = { events: [], oversized: [] }
    return taken
  }

  return {
    push(chunk) {
      let position = 0
      if (carried.length > 0) {
        const end = chunk.indexOf(newline)
        carried.add(chunk.subarray(0, end === -1 ? chunk.length : end))
        if (end === -1) return take()
        endCarried()
        position = end + 1
      }
      let runStart = position
      let runCount = 0
      for (;;) {
        const end = chunk.indexOf(newline, position)
        if (end === -1) break
        if (
          chunk[position] === openBrace &&
          chunk[end - 1] === closeBrace &&
          end - position - 1 > 0 &&
          end - position <= maxLine
        ) {
          runCount += 1
        } else {
          emitRun(chunk, runStart, position, runCount)
          emitLine(chunk, position, end)
          runStart = end + 1
          runCount = 0
        }
        position = end + 1
      }
      emitRun(chunk, runStart, position, runCount)
      flushChanged()
      if (position < chunk.length) carried.add(chunk.subarray(position))
      return take()
    },
    finish() {
      if (carried.length > 0) endCarried()
      return take()
    },
  }
}

const wasteful = 16 * 1024

/** A small piece of a big buffer is copied, so that keeping it does not keep the whole. */
function own(chunk: Buffer, start: number, end: number): Buffer {
  const piece = start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end)
  const held = chunk.buffer.byteLength
  return held > wasteful && piece.length * 2 < held ? Buffer.from(piece) : piece
}
