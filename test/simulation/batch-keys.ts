/** What every batch key that was ever sent stands for: one event for each sequence number, for ever. */
import { parseBatchKey } from '../../src/dataplane/wire/batch-key.ts'
import type { Judge } from './judge.ts'
import { type Copy } from './ledger.ts'

export interface BatchKeys {
  /** Fails the run when the key does not fit the events, or was another's. */
  check(header: string | undefined, copies: readonly Copy[]): void
}

export function createBatchKeys({ fail }: Judge): BatchKeys {
  const senders = new Map<string, Map<number, number>>()
  return {
    check(header, copies) {
      const key = header === undefined ? undefined : parseBatchKey(header)
      if (key === undefined) return
      const { senderId, first, last } = key
      if (last - first + 1 !== copies.length) {
        fail(`The key ${header} came with ${copies.length} events`)
      }
      const known = senders.get(senderId) ?? new Map<number, number>()
      senders.set(senderId, known)
      for (const [index, { id }] of copies.entries()) {
        const before = known.get(first + index) ?? id
        if (before !== id) {
          fail(`${senderId} gave ${first + index} to event ${before} and to ${id}`)
        }
        known.set(first + index, id)
      }
    },
  }
}
