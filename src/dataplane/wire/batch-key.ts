/**
 * The header by which a sender names what it sends: `<senderId>:<first>-<last>`, the sequence numbers of the batch's
 * events, both inclusive. A part of a split batch has a narrower range, so it is known again as well.
 */
export const batchKeyHeader = 'x-logstash-link-batch'

export interface BatchKey {
  /** One life of one sender: letters, digits, `.`, `_` and `-`, at most 128. */
  senderId: string
  first: number
  last: number
}

const pattern = /^([\w.-]{1,128}):(\d{1,16})-(\d{1,16})$/

export function formatBatchKey({ senderId, first, last }: BatchKey): string {
  return `${senderId}:${first}-${last}`
}

/** Undefined for anything that formatBatchKey does not make: a header is foreign input. */
export function parseBatchKey(text: string): BatchKey | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const senderId = String(match[1])
  const first = Number(match[2])
  const last = Number(match[3])
  if (!Number.isSafeInteger(last) || first > last) return undefined
  return { senderId, first, last }
}
