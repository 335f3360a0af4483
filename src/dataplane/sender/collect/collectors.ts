/** Everything that the settings say of collecting, started and stopped together. */
import type { Readable } from 'node:stream'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Registry } from '../../../telemetry/metrics.ts'
import type { Disk } from '../../disk/disk.ts'
import type { Watched } from '../../files/watched.ts'
import type { Time } from '../../time.ts'
import type { Intake } from '../intake.ts'
import type { Timeouts } from '../timeouts.ts'
import type { Collected } from './collected.ts'
import type { OwnFolder } from './files/own-files.ts'
import { startTail, type Tail } from './files/tail.ts'
import { collectHttp } from './http.ts'
import { createCollectLimits, createSpokenIntake } from './limits.ts'
import type { Collector } from './listen.ts'
import { collectStream, type CollectedStream } from './stream.ts'
import { collectTcp } from './tcp.ts'

export interface CollectorsDeps {
  intake: Intake
  collected: Collected
  timeouts: Timeouts
  time: Time
  disk: Disk
  /** Where it is kept how far files are read; undefined: in memory. */
  checkpoints: string | undefined
  registry: Registry
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
  /** The grace is over. Resolves once it is kept how far files are safe. */
  end(): Promise<void>
  /** What /status says of tailed files. */
  files(): object | undefined
}

export async function startCollectors(
  settings: Watched<SenderSettings>,
  deps: CollectorsDeps,
): Promise<Collectors> {
  const { intake, collected, timeouts, log, input, onInputEnd } = deps
  const { collect, limits } = settings.current
  const hit = createCollectLimits(deps)
  const intakeOf = createSpokenIntake(intake, deps)
  const running: Collector[] = []
  const streams: Pick<CollectedStream, 'untaken'>[] = []
  const ports: Collectors['ports'] = {}
  let tail: Tail | undefined
  try {
    if (collect.http) {
      const collector = await collectHttp(settings, collect.http.port, {
        intake,
        collected,
        timeouts,
        hit,
        log,
      })
      running.push(collector)
      ports.http = collector.port
    }
    if (collect.tcp) {
      const collector = await collectTcp(settings, collect.tcp.port, {
        intake: intakeOf('collect.tcp'),
        collected,
        hit,
        log,
      })
      running.push(collector)
      streams.push(collector)
      ports.tcp = collector.port
    }
    if (collect.files) {
      const { paths } = collect.files
      tail = await startFiles(settings, paths, { ...deps, intake: intakeOf('collect.files') })
    }
  } catch (error) {
    for (const collector of running) {
      await collector.stop()
      collector.end()
    }
    throw error
  }
  if (tail) streams.push(tail)
  let stdin: CollectedStream | undefined
  if (collect.stdin && input) {
    stdin = collectStream(input, {
      ...{ intake: intakeOf('stdin'), collected, log, source: 'stdin' },
      maxLine: limits.maxLine,
    })
    streams.push(stdin)
    void stdin.done.then((how) => {
      if (how === 'ended') onInputEnd()
    })
  }
  return {
    ports,
    async stop() {
      stdin?.stop()
      await Promise.all([
        stdin?.done,
        tail?.stop(),
        ...running.map((collector) => collector.stop()),
      ])
    },
    untaken: () => streams.reduce((sum, stream) => sum + stream.untaken(), 0),
    async end() {
      stdin?.end()
      for (const collector of running) collector.end()
      await tail?.end()
    },
    files: () => tail?.status(),
  }
}

function startFiles(
  settings: Watched<SenderSettings>,
  paths: readonly string[],
  { intake, collected, time, disk, checkpoints, registry, log }: CollectorsDeps,
): Promise<Tail> {
  return startTail({
    ...{ paths, directory: checkpoints, intake, collected, time, disk, registry, log },
    own: () => ownFolders(settings.current, checkpoints),
    maxLine: () => settings.current.limits.maxLine,
  })
}

function ownFolders({ queue, deadLetter }: SenderSettings, checkpoints?: string): OwnFolder[] {
  const whole = [queue.directory, checkpoints].filter((path) => path !== undefined)
  return [
    ...whole.map((path) => ({ path })),
    // A person may have named a folder for these that holds other files too.
    ...(deadLetter === undefined ? [] : [{ path: deadLetter.directory, names: /^dead-letters\./ }]),
  ]
}
