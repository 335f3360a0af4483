import { isUtf8 } from 'node:buffer'

/** An event that nobody takes. */
export interface DeadLetter {
  /** Its bytes, or their beginning. */
  event: Buffer
  /** A fixed sentence per cause: it is logged once. */
  reason: string
  /** Who refused it, where that is another than the program itself. */
  host?: string
  /** The length of the whole event, where `event` is only its beginning. */
  length?: number
}

/** How much is kept of an event that does not fit: the first of these that does. */
const heads = [1024, 128, 0]

/**
 * One line of the file: `event` is the JSON as it came, or a string where it is no JSON; `base64` holds the bytes where
 * they are no UTF-8; `length` says that only the beginning was kept, as of an event that would not fit in `maxLine`.
 */
export function deadLetterLine(letter: DeadLetter, time: Date, maxLine: number): Buffer {
  const line = lineOf(letter, time)
  if (line.length <= maxLine) return line
  const { event } = letter
  const cut = heads.map((bytes) => ({
    length: event.length,
    ...letter,
    event: event.subarray(0, bytes),
  }))
  const fits = cut.map((each) => lineOf(each, time)).find(({ length }) => length <= maxLine)
  return fits ?? lineOf({ length: event.length, ...letter, event: event.subarray(0, 0) }, time)
}

function lineOf(letter: DeadLetter, time: Date): Buffer {
  const { event, reason, host, length } = letter
  const utf8 = isUtf8(event)
  const text = event.toString('utf8')
  const rest = JSON.stringify({
    reason,
    time: time.toISOString(),
    host,
    length,
    base64: utf8 ? undefined : event.toString('base64'),
  })
  // Spliced and not parsed and printed, which would change large numbers.
  const value = utf8 && isJson(text) ? text : JSON.stringify(text)
  return Buffer.from(`{"event":${value},${rest.slice(1)}\n`)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
