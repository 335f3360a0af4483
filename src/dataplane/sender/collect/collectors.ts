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
import { collectStream } from './stream.ts'
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
  stop(): Promise<void>
  end(): void
}

export async function startCollectors(
  settings: Watched<SenderSettings>,
  { intake, collected, timeouts, log, input, onInputEnd }: CollectorsDeps,
): Promise<Collectors> {
  const { collect, limits } = settings.current
  const running: Collector[] = []
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
      ports.tcp = collector.port
    }
  } catch (error) {
    for (const collector of running) await collector.stop()
    throw error
  }
  let reading: Promise<void> = Promise.resolve()
  if (collect.stdin && input) {
    const source = { intake, collected, log, source: 'stdin', maxLine: limits.maxLine }
    reading = collectStream(input, source).then(onInputEnd)
  }
  return {
    ports,
    async stop() {
      if (collect.stdin) input?.destroy()
      await Promise.all([reading, ...running.map((collector) => collector.stop())])
    },
    end() {
      for (const collector of running) collector.end()
    },
  }
}
