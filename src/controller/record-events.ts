/** Events of links: one for each transition, so many for a link and no more. */
import { manager } from '../api/names.ts'
import type { LogstashLink } from '../api/link.ts'
import { keyOf } from '../api/objects.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Log } from '../telemetry/log.ts'
import type { LinkEvent } from '../verdict/events.ts'
import type { Clock } from './clock.ts'
import { kinds } from './kinds.ts'
import { createTokenBucket } from './token-bucket.ts'
import type { TokenBucket } from './token-bucket.ts'

export interface EventRecorder {
  /** Never rejects: a link is not reconciled again for the sake of an event. */
  record(link: LogstashLink, events: readonly LinkEvent[]): Promise<void>
  forget(key: string): void
}

/** As client-go's spam filter has it: 25 at once, then one every five minutes. */
const rate = { perSecond: 1 / 300, burst: 25 }
const maxMessage = 1024

export function createEventRecorder(options: {
  cluster: Cluster
  clock: Clock
  log: Log
  dropped: () => void
}): EventRecorder {
  const { cluster, clock, log, dropped } = options
  const buckets = new Map<string, TokenBucket>()

  const write = async (link: LogstashLink, event: LinkEvent) => {
    const { namespace = '', name, uid } = link.metadata
    const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
    await cluster.create({
      ...kinds.event,
      metadata: { name: '', generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: link.apiVersion, kind: link.kind, namespace, name, uid },
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, maxMessage),
      source: { component: manager },
      reportingComponent: manager,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    })
  }

  return {
    async record(link, events) {
      const key = keyOf(link)
      const bucket = buckets.get(key) ?? createTokenBucket(rate)
      buckets.set(key, bucket)
      for (const event of events) {
        if (!bucket.take(clock.now())) {
          dropped()
          continue
        }
        try {
          await write(link, event)
        } catch (error) {
          dropped()
          log.debug({ link: key, reason: event.reason, err: error }, 'An event was not written')
        }
      }
    },
    forget: (key) => void buckets.delete(key),
  }
}
