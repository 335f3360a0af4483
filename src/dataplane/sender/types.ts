/** The face of the sender. */
import type { Readable } from 'node:stream'
import type { Checks } from '../../telemetry/health.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Registry } from '../../telemetry/metrics.ts'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import type { Environment } from '../tls/secret.ts'
import type { Lookup } from './hosts/targets.ts'
import type { Timeouts } from './timeouts.ts'

export interface SenderDeps {
  log: Log
  registry: Registry
  env: Environment
  /** Read when collect.stdin is set. */
  input?: Readable
  /** For the User-Agent. */
  version?: string
  lookup?: Lookup
  timeouts?: Timeouts
  /** Gets what is at fault in place of the folder of the settings: whoever replays keeps such events where they are. */
  refusals?: DeadLetters
}

export interface Sender {
  ports: { http?: number; tcp?: number }
  checks: Checks
  status(): object
  /** Resolves when stdin ended and all is acknowledged or dead-lettered; never without collect.stdin. */
  drained: Promise<void>
  /**
   * Takes nothing new, flushes for at most that long; `remaining` events were not acknowledged, the beginning of a line
   * that was being read counted as one.
   */
  stop(options: { graceMs: number }): Promise<{ remaining: number }>
}
