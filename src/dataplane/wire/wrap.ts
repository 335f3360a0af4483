/** What is no JSON object travels as one: `{"message": …, "@timestamp": …}`. */

/** How a wrapped event is marked: the receiver tags it as the real input does, the sender does not. */
export interface Wrapping {
  /** True adds `"tags":["_jsonparsefailure"]`. */
  tagMalformed: boolean
  now: () => Date
}

/** One NDJSON line with its newline. Invalid UTF-8 in the text becomes U+FFFD. */
export function wrapLine(text: Buffer, { tagMalformed, now }: Wrapping): Buffer {
  const tags = tagMalformed ? ',"tags":["_jsonparsefailure"]' : ''
  const message = JSON.stringify(text.toString('utf8'))
  return Buffer.from(`{"message":${message},"@timestamp":"${now().toISOString()}"${tags}}\n`)
}

const space = 0x20
const tab = 0x09
const carriageReturn = 0x0d

function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === tab || byte === carriageReturn
}

/** An object passes as it is; `text` is to be wrapped; a blank line is no event. */
export type LineKind = 'object' | 'text' | 'blank'

/** Looks at the first and the last byte of bytes[start, end) that are not blank, at nothing between. */
export function kindOfLine(bytes: Buffer, start: number, end: number): LineKind {
  let first = start
  while (first < end && isBlank(bytes[first])) first += 1
  if (first === end) return 'blank'
  let last = end - 1
  while (isBlank(bytes[last])) last -= 1
  return first < last && bytes[first] === 0x7b && bytes[last] === 0x7d ? 'object' : 'text'
}
