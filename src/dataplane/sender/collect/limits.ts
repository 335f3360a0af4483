/** Limits of what applications may hold open and send; those of the queue and of lines are counted where they are. */
import { Counter } from 'prom-client'
import type { Log } from '../../../telemetry/log.ts'
import type { Registry } from '../../../telemetry/metrics.ts'
import { createLimitHits, type LimitHits } from '../../limit-hits.ts'
import type { Time } from '../../time.ts'
import type { Intake } from '../intake.ts'

/** As the settings name them. `memory`: no room came in time, in memory or in the queue. */
type CollectLimit = 'memory' | 'maxRequest' | 'maxConnections' | 'bodyStall'

export type CollectLimits = LimitHits<CollectLimit>

export function createCollectLimits({
  registry,
  log,
  time,
}: {
  registry: Registry
  log: Log
  time: Pick<Time, 'now'>
}): CollectLimits {
  const counter = new Counter({
    name: 'logstash_link_sender_limits_reached_total',
    help: 'How often something of an application was refused or ended as it reached a limit, by the name of that',
    labelNames: ['limit'],
    registers: [registry],
  })
  return createLimitHits({ count: (limit) => counter.inc({ limit }), log, time })
}

/**
 * The intake as streams and tailed files see it, by the name of who asks: that it had no room is said in the log once a
 * minute. It is counted where the queue is; collect.http tells of it when it refuses a request.
 */
export function createSpokenIntake(
  intake: Intake,
  { log, time }: { log: Log; time: Pick<Time, 'now'> },
): (where: string) => Intake {
  const hit = createLimitHits<'queue.maxSize'>({ count: () => undefined, log, time })
  return (where) => ({
    ...intake,
    offer(events, ticket) {
      const isTaken = intake.offer(events, ticket)
      if (!isTaken) hit('queue.maxSize', { where })
      return isTaken
    },
  })
}
