/** Dead letters that can be sent again, a request's worth at a time. */
import type { ReadDeadLetter } from '../../dataplane/dead-letter/read-dead-letters.ts'

const maxEvents = 500
const maxBytes = 4 * 2 ** 20

/** What is no object becomes another event at the sender, and so would not be known again: it goes alone. */
export async function* chunksOf(
  letters: AsyncIterable<ReadDeadLetter>,
): AsyncGenerator<ReadDeadLetter[], void, void> {
  let chunk: ReadDeadLetter[] = []
  let bytes = 0
  for await (const letter of letters) {
    const alone = !isObject(letter.event)
    const isFull = chunk.length >= maxEvents || bytes + letter.event.length > maxBytes
    if (chunk.length > 0 && (alone || isFull)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    if (alone) yield [letter]
    else {
      chunk.push(letter)
      bytes += letter.event.length
    }
  }
  if (chunk.length > 0) yield chunk
}

function isObject(event: Buffer): boolean {
  return event.at(0) === 0x7b && event.at(-1) === 0x7d && !event.includes(0x0a)
}
