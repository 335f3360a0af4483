/** What runs share, as making it for each would cost more than the run: metrics that nobody reads, and a log. */
import { createMemoryQueue } from '../../src/dataplane/queue/memory-queue.ts'
import { createReceiverMetrics } from '../../src/dataplane/receiver/metrics.ts'
import { createSenderMetrics } from '../../src/dataplane/sender/metrics.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import type { Shared } from './world.ts'

export function createShared(): Shared {
  const queue = createMemoryQueue({ maxSize: 1, onFull: 'Block' })
  const registry = createMetrics({ program: 'simulation' })
  return {
    senderMetrics: createSenderMetrics(registry, {
      totals: () => queue.totals(),
      heldBytes: () => 0,
      inFlight: () => 0,
      certificateExpiry: none,
      tlsFileProblem: () => false,
      now: () => 0,
    }),
    receiverMetrics: createReceiverMetrics(registry, {
      connections: () => 0,
      budgetBytes: () => 0,
      undelivered: () => 0,
      certificateExpiry: none,
      tlsFileProblem: () => false,
    }),
    log: silent,
  }
}

const none = (): undefined => undefined
const nothing = (): void => undefined

const silent: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silent,
}
