/** What flows: whole events as bytes, never parsed. */

/** Events in NDJSON: `count` lines, each ended by one `\n`, no blank one among them. */
export interface Events {
  readonly body: Buffer
  readonly count: number
}

export const newline = 0x0a

/** Several runs of events as one; a single run stays the buffer that it was. */
export function joinEvents(parts: readonly Events[]): Events {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  let count = 0
  let length = 0
  for (const part of parts) {
    count += part.count
    length += part.body.length
  }
  return {
    body: Buffer.concat(
      parts.map((part) => part.body),
      length,
    ),
    count,
  }
}

/**
 * Cuts at an event's end: the first part holds at most `maxEvents` events and `maxBytes` bytes, yet always one event, so
 * that an event over `maxBytes` goes alone. The second is undefined when all fits. Both are subarrays.
 */
export function splitEvents(
  events: Events,
  maxEvents: number,
  maxBytes: number,
): [Events, Events | undefined] {
  const { body, count } = events
  if (count <= 1 || (count <= maxEvents && body.length <= maxBytes)) return [events, undefined]
  let end = 0
  let taken = 0
  while (taken < Math.max(1, maxEvents)) {
    const next = body.indexOf(newline, end) + 1
    if (next === 0 || (next > maxBytes && taken > 0)) break
    end = next
    taken += 1
  }
  if (taken === count) return [events, undefined]
  return [
    { body: body.subarray(0, end), count: taken },
    { body: body.subarray(end), count: count - taken },
  ]
}

/** Each event without its newline, as a subarray. */
export function* lines(events: Events): Generator<Buffer, void> {
  const { body } = events
  let start = 0
  while (start < body.length) {
    const end = body.indexOf(newline, start)
    yield body.subarray(start, end)
    start = end + 1
  }
}
