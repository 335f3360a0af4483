/**
 * Which batches were delivered, and which are being delivered now. A sender that got no answer sends the same again:
 *
 *   same key (or a part of it) delivered before      ─▶ answered from memory
 *   same key under way                               ─▶ joins that delivery and gets its answer
 *   same bytes under way, and nobody waits for them  ─▶ likewise: a real output that gave up and came back
 *   anything else                                    ─▶ delivered
 *
 * Equal bytes whose sender still waits are other events, and so are equal bytes after delivery.
 */
import { formatBatchKey, type BatchKey } from '../wire/batch-key.ts'

/** How a batch is known again: by its sender's key, else by a digest of its bytes as they came. */
export type Mark = { key: BatchKey } | { digest: string }

export interface Duplicates<T> {
  delivered(mark: Mark): boolean
  /** A delivery to join. What has no key can be joined once for each request that was given up. */
  underWay(mark: Mark): Promise<T> | undefined
  begin(mark: Mark, result: Promise<T>): void
  /** The one who waited for the result is gone, or was told to come again. */
  abandon(mark: Mark, result: Promise<T>): void
  remember(mark: Mark): void
}

interface Range {
  first: number
  last: number
}

const maxSenders = 1000
/** Per sender; neighbours are merged, so that gaps alone cost: what went to other receivers. */
const maxRanges = 2000

export function createDuplicates<T>(): Duplicates<T> {
  /** In the order of their last batch, the oldest first. */
  const senders = new Map<string, Range[]>()
  const running = new Map<string, Promise<T>>()
  /** By digest. */
  const abandoned = new Map<string, Promise<T>>()

  function hold(map: Map<string, Promise<T>>, name: string, result: Promise<T>): void {
    map.set(name, result)
    const end = (): void => {
      if (map.get(name) === result) map.delete(name)
    }
    result.then(end, end)
  }

  return {
    delivered(mark) {
      if (!('key' in mark)) return false
      const ranges = senders.get(mark.key.senderId)
      return ranges !== undefined && holds(ranges, mark.key)
    },
    underWay(mark) {
      if ('key' in mark) return running.get(formatBatchKey(mark.key))
      const result = abandoned.get(mark.digest)
      abandoned.delete(mark.digest)
      return result
    },
    begin(mark, result) {
      if ('key' in mark) hold(running, formatBatchKey(mark.key), result)
    },
    abandon(mark, result) {
      if ('digest' in mark) hold(abandoned, mark.digest, result)
    },
    remember(mark) {
      if (!('key' in mark)) return
      const { senderId, first, last } = mark.key
      const ranges = senders.get(senderId) ?? []
      senders.delete(senderId)
      senders.set(senderId, ranges)
      insert(ranges, { first, last })
      if (ranges.length > maxRanges) ranges.shift()
      if (senders.size > maxSenders) {
        const [oldest] = senders.keys()
        if (oldest !== undefined) senders.delete(oldest)
      }
    },
  }
}

/** Index of the last range that begins at or before `position`; -1 when there is none. Ranges are sorted and apart. */
function indexBefore(ranges: readonly Range[], position: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.first ?? Infinity) <= position) low = middle + 1
    else high = middle
  }
  return low - 1
}

function holds(ranges: readonly Range[], { first, last }: Range): boolean {
  const range = ranges[indexBefore(ranges, first)]
  return range !== undefined && range.last >= last
}

function insert(ranges: Range[], added: Range): void {
  const before = indexBefore(ranges, added.first)
  let from = before + 1
  let { first, last } = added
  const left = ranges[before]
  if (left !== undefined && left.last >= first - 1) {
    from = before
    first = left.first
    last = Math.max(last, left.last)
  }
  let until = from
  for (;;) {
    const right = ranges[until]
    if (right === undefined || right.first > last + 1) break
    last = Math.max(last, right.last)
    until += 1
  }
  ranges.splice(from, until - from, { first, last })
}
