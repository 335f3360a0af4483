/** A part of a batch → one request, compressed once; and what is poison → the dead-letter file. */
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import type { Time } from '../time.ts'
import { batchKeyHeader, formatBatchKey } from '../wire/batch-key.ts'
import { compress } from '../wire/gzip.ts'
import type { Connections } from './connections.ts'
import type { SenderMetrics } from './metrics.ts'
import { outcomeOf, type Outcome } from './outcome.ts'
import type { Part } from './part.ts'

export interface TransmitterDeps {
  connections: Connections
  senderId: string
  userAgent: string
  /** Counts the bytes of a compressed body while it is at a host. */
  hold(this: void, bytes: number): void
  metrics: SenderMetrics
  deadLetters: () => DeadLetters | undefined
  time: Time
  log: Log
}

export interface Transmitter {
  /** Never rejects. */
  send(this: void, part: Part<unknown>, host: string, options: { fresh: boolean }): Promise<Outcome>
  /** True when the one event of this part is kept in the dead-letter file. Never rejects. */
  poison(this: void, part: Part<unknown>, host: string, status: number): Promise<boolean>
}

export function createTransmitter(deps: TransmitterDeps): Transmitter {
  const { connections, senderId, userAgent, hold, metrics, deadLetters, time, log } = deps
  let saidNoFolder = false

  return {
    async send(part, host, { fresh }) {
      const pool = connections.pool(host)
      if (pool === undefined) {
        return { kind: 'failed', fault: false, problem: 'left the list of hosts' }
      }
      part.body ??= await compress(part.events.body)
      const { body, first, last } = part
      const authorization = connections.authorization()
      const headers = {
        'Content-Type': 'application/x-ndjson',
        'Content-Encoding': 'gzip',
        'User-Agent': userAgent,
        [batchKeyHeader]: formatBatchKey({ senderId, first, last }),
        ...(authorization === undefined ? {} : { Authorization: authorization }),
      }
      hold(body.length)
      const reply = await pool.send({ body, headers }, { fresh })
      hold(-body.length)
      metrics.wire(body.length)
      return outcomeOf(reply, time.date().getTime())
    },
    async poison({ events }, host, status) {
      const letters = deadLetters()
      if (letters === undefined) {
        if (!saidNoFolder) {
          log.error(
            { host, status },
            'A refused event is kept in memory: no dead-letter folder is set',
          )
        }
        saidNoFolder = true
        return false
      }
      try {
        const event = events.body.subarray(0, -1)
        await letters.keep([{ event, reason: `Refused with ${status}`, host }])
        metrics.events('dead_lettered', 1)
        return true
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'A refused event stays in memory')
        return false
      }
    },
  }
}
