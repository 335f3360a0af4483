/** What both algorithms are to the simulation. */
import type { SimulatedHost } from './host.ts'

export interface Batch {
  /** When its events were there, ms. */
  readyAt: number
}

export interface SimulatedSender {
  offer(batch: Batch): void
  setHosts(hosts: readonly SimulatedHost[]): void
}

export interface SenderObserver {
  attempt(this: void): void
  delivered(this: void, batch: Batch, host: SimulatedHost): void
}
