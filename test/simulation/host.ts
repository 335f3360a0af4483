/** What a sender can send to: our receiver, or another taker of the same protocol. */
import type { Life } from './clock.ts'

export interface Request {
  body: Buffer
  headers: Record<string, string | number>
}

/** An answer as it goes over the wire. */
export interface Response {
  status: number
  retryAfter?: string
}

export interface Host {
  name: string
  /** Undefined while it is down. */
  life(): Life | undefined
  /**
   * What came whole. `onGone` as in batches.ts: calls when the connection ends before the answer. Never answers once the
   * host has died.
   */
  handle(request: Request, onGone: (call: () => void) => () => void): Promise<Response>
  start(): void
  crash(): void
  /** Its dead letters cannot be kept. */
  setDiskFull(full: boolean): void
}
