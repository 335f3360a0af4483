/**
 * What every queue of the sender does, the one in memory and the one on disk alike. `Owner` stands for whoever waits for
 * what it committed to be safe: a collect request, a piece of a file; a stream that waits for nothing commits without
 * owner. Safe means acknowledged for the queue in memory, and on the disk for the one there; the latter tells its owners
 * later than any call of theirs, through `QueueListener`.
 */
import type { Events } from '../wire/events.ts'

export interface QueueSettings {
  /** Bytes of events, waiting and in flight together. */
  maxSize: number
  onFull: 'Block' | 'DropOldest'
}

export interface BatchLimits {
  maxEvents: number
  maxBytes: number
  /** Longest wait of an event for others while something is in flight, ms. */
  maxWait: number
}

/** What is sent as one request, unless its receiver makes us split it. */
export interface Batch<Owner> {
  /** Sequence numbers of its events, both inclusive; counted per queue from 0, without gap inside a batch. */
  readonly first: number
  readonly last: number
  readonly events: Events
  readonly committedAt: number
  /** Whose events these are, in order. */
  readonly shares: readonly { owner: Owner | undefined; count: number }[]
}

/** What a change did to those who wait. */
export interface Settled<Owner> {
  /** All that they committed is safe: delivered or dead-lettered, or on the disk. */
  done: Owner[]
  /** Something of theirs was dropped and can no longer be delivered. */
  dropped: Owner[]
}

export interface QueueTotals {
  /** Events that are not acknowledged yet, waiting or in flight, and their bytes. */
  events: number
  bytes: number
  /** The part of them that no batch holds yet. */
  waitingEvents: number
  waitingBytes: number
  /** When the oldest of all these was committed; undefined for an empty queue. */
  oldest: number | undefined
  /** Of these bytes, what this process holds in memory. */
  memoryBytes: number
  /** Of the waiting bytes, what a crash would lose. */
  unsafeBytes: number
}

/** What a queue on disk tells when nobody has just called it. */
export interface QueueListener<Owner> {
  settled(settled: Settled<Owner>): void
  /** Something can be cut, or committed, that could not be before. */
  changed(): void
}

export interface Queue<Owner> {
  /** All or nothing: `full` took nothing. `dropped` counts events that made room (DropOldest). */
  commit(
    added: readonly Events[],
    now: number,
    owner?: Owner,
  ): { result: 'accepted' | 'full'; dropped: number; settled: Settled<Owner> }
  /** When a batch can be cut: now or earlier means at once, Infinity that nothing waits. */
  readyAt(limits: BatchLimits, hurry: boolean): number
  cut(limits: BatchLimits): Batch<Owner> | undefined
  /** The batch is delivered or dead-lettered as a whole. */
  acknowledge(batch: Batch<Owner>): Settled<Owner>
  /** Gives up what no batch holds yet of an owner, and whole batches that `isUnsent` releases; answers with events. */
  withdraw(owner: Owner, isUnsent: (batch: Batch<Owner>) => boolean): number
  configure(settings: QueueSettings): void
  totals(): QueueTotals
}
