/**
 * What the disk queue and the checkpoints ask of a disk, so that the same code runs on the machine's (real-disk.ts) and on
 * one that tears, loses and flips bytes in tests. Each call may reject with an error that carries a `code` of node:fs
 * (ENOSPC, EIO, EACCES …); after a rejected write any part of it may be on the disk.
 *
 *   survives a crash of the process:  what a resolved write, truncate, rename or remove did
 *   survives a loss of power:         bytes of a file after its `sync`; names in a folder after its `syncFolder`
 */
export interface Disk {
  /** Makes it and what it lies in, durably. */
  makeFolder(path: string): Promise<void>
  /** Names, in no order; empty where there is no such folder. */
  list(folder: string): Promise<string[]>
  /** For reading and writing. `create` makes an absent file and fails with EEXIST on one that is there. */
  open(path: string, how: 'create' | 'existing'): Promise<DiskFile>
  /** Replaces what bears the new name, in one step. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  syncFolder(folder: string): Promise<void>
}

export interface DiskFile {
  size(): Promise<number>
  /** Shorter than `length` only at the file's end. */
  read(at: number, length: number): Promise<Buffer>
  /** All of it, or it rejects. */
  write(at: number, bytes: Buffer): Promise<void>
  truncate(length: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}
