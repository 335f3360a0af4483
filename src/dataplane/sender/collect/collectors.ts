/** Everything that the settings say of collecting, started and stopped together. */
import type { Readable } from 'node:stream'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Watched } from '../../files/watched.ts'
import type { Intake } from '../intake.ts'
import type { Timeouts } from '../timeouts.ts'
import type { Collected } from './collected.ts'
import { collectHttp } from './http.ts'
import type { Collector } from './listen.ts'
import { collectStream, type CollectedStream } from './stream.ts'
import { collectTcp } from './tcp.ts'

export interface CollectorsDeps {
  intake: Intake
  collected: Collected
  timeouts: Timeouts
  log: Log
  input: Readable | undefined
  /** All of stdin is in the queue. */
  onInputEnd: () => void
}

export interface Collectors {
  ports: { http?: number; tcp?: number }
  /** Takes nothing new; resolves once all that was read is committed. */
  stop(): Promise<void>
  /** Events that streams gave and that are not committed, after `stop`; the beginning of a line counts as one. */
  untaken(): number
  end(): void
}

export async function startCollectors(
  settings: Watched<SenderSettings>,
  { intake, collected, timeouts, log, input, onInputEnd }: CollectorsDeps,
): Promise<Collectors> {
  const { collect, limits } = settings.current
  const running: Collector[] = []
  const streams: Pick<CollectedStream, 'untaken'>[] = []
  const ports: Collectors['ports'] = {}
  try {
    if (collect.http) {
      const collector = await collectHttp(settings, collect.http.port, {
        intake,
        collected,
        timeouts,
        log,
      })
      running.push(collector)
      ports.http = collector.port
    }
    if (collect.tcp) {
      const collector = await collectTcp(settings, collect.tcp.port, { intake, collected, log })
      running.push(collector)
      streams.push(collector)
      ports.tcp = collector.port
    }
  } catch (error) {
    for (const collector of running) await collector.stop()
    throw error
  }
  let stdin: CollectedStream | undefined
  if (collect.stdin && input) {
    const source = { intake, collected, log, source: 'stdin', maxLine: limits.maxLine }
    stdin = collectStream(input, source)
    streams.push(stdin)
    void stdin.done.then((how) => {
      if (how === 'ended') onInputEnd()
    })
  }
  return {
    ports,
    async stop() {
      stdin?.stop()
      await Promise.all([stdin?.done, ...running.map((collector) => collector.stop())])
    },
    untaken: () => streams.reduce((sum, stream) => sum + stream.untaken(), 0),
    end() {
      for (const collector of running) collector.end()
    },
  }
}
