/** A batch on its way, or what a refusal left of one. */
import { splitEvents, type Events } from '../wire/events.ts'
import type { Batch } from '../queue/queue.ts'

export interface Part<Owner> {
  readonly batch: Batch<Owner>
  /** Sequence numbers, both inclusive. */
  readonly first: number
  readonly last: number
  readonly events: Events
  /** Compressed once; each retry sends the same bytes. */
  body?: Buffer
  /** Host that just failed with it. */
  avoid?: string
  /** Hosts that refused it and took nothing else. */
  refusedBy?: ReadonlySet<string>
  /** A single event that was found to be poison when no dead letter could be written. */
  isPoison?: boolean
}

export function wholeOf<Owner>(batch: Batch<Owner>): Part<Owner> {
  return { batch, first: batch.first, last: batch.last, events: batch.events }
}

/** The first `count` events, and the rest. */
export function splitPart<Owner>(
  part: Part<Owner>,
  count: number,
): [Part<Owner>, Part<Owner> | undefined] {
  const [head, tail] = splitEvents(part.events, count, part.events.body.length)
  const { batch, first, last } = part
  if (tail === undefined) return [part, undefined]
  return [
    { batch, first, last: first + head.count - 1, events: head },
    { batch, first: first + head.count, last, events: tail },
  ]
}
