/** The face of the queue on disk, beside that of every queue. */
import type { Disk } from '../../disk/disk.ts'
import type { Time } from '../../time.ts'
import type { Queue, QueueListener, QueueSettings } from '../queue.ts'
import type { QueueLog } from './trouble.ts'

export interface DiskQueue<Owner> extends Queue<Owner> {
  /** Persisted with the sequence numbers: what is sent again after a restart bears the key that it had. */
  readonly senderId: string
  /** What the disk refuses now, as a sentence. */
  problem(): string | undefined
  usage(): DiskUsage
  /** Writes what is pending if the disk takes it, and lets go of all files. What is left is there for the next life. */
  close(): Promise<void>
}

export interface DiskUsage {
  /** Of the segment files. */
  bytes: number
  segments: number
  /** Events that are not on the disk yet. */
  pendingEvents: number
}

export interface DiskQueueObserver {
  synced(ms: number): void
  /** A damaged part was found. */
  corrupt(bytes: number): void
  /** Events that were on the disk and are not any more. */
  lost(events: number): void
}

export interface DiskQueueDeps<Owner> {
  /** The queue's own; made where it is absent. */
  directory: string
  disk: Disk
  time: Time
  log: QueueLog
  settings: QueueSettings
  /** A new sender id: letters, digits, `.`, `_` and `-`, at most 128; never the same twice. */
  newId: () => string
  listener: QueueListener<Owner>
  observe?: DiskQueueObserver
  /** Bytes of events that are read ahead or at hosts. */
  window?: number
}
