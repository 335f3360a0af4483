/** A sender as programs start it, with settings that fit tests, stopped with the test. */
import { PassThrough } from 'node:stream'
import { defaults, type SenderSettings } from '../../src/api/sidecar-config.ts'
import { changeable } from '../../src/dataplane/files/watched.ts'
import { startSender, type Sender, type SenderDeps } from '../../src/dataplane/sender/sender.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { silentLog } from './log.ts'

export interface TestSender extends Sender {
  input: PassThrough
  /** Changes settings while it runs. */
  change(changes: Partial<SenderSettings>): void
  /** Writes `{"seq":n}` for each number of [from, to), in one chunk. */
  write(from: number, to: number): void
  metric(name: string): Promise<string>
}

export function senderSettings(changes: Partial<SenderSettings> = {}): SenderSettings {
  return {
    role: 'sender',
    hosts: { list: [] },
    tls: { enabled: false },
    decorate: 'None',
    batch: defaults.batch,
    queue: { type: 'Memory', maxSize: defaults.queueMaxSize, onFull: 'Block' },
    balancing: { coolOff: defaults.coolOff, preferSameZone: false },
    limits: defaults.senderLimits,
    logLevel: 'Info',
    host: '127.0.0.1',
    loopback: '127.0.0.1',
    healthPort: 0,
    collect: { stdin: true },
    ...changes,
  }
}

/** `ports` are receivers at 127.0.0.1. */
export async function startTestSender(
  t: { after(done: () => Promise<void>): void },
  ports: readonly number[],
  changes: Partial<SenderSettings> = {},
  deps: Partial<SenderDeps> = {},
): Promise<TestSender> {
  const input = new PassThrough()
  const list = ports.map((port) => ({ host: '127.0.0.1', port }))
  const settings = changeable(senderSettings({ hosts: { list }, ...changes }))
  const registry = createMetrics({ program: 'sender' })
  const sender = await startSender(settings, {
    log: silentLog(),
    registry,
    env: {},
    input,
    ...deps,
  })
  t.after(async () => {
    await sender.stop({ graceMs: 0 })
  })
  return {
    ...sender,
    input,
    change: (next) => settings.set({ ...settings.current, ...next }),
    write(from, to) {
      const numbers = Array.from({ length: to - from }, (_, i) => from + i)
      input.write(numbers.map((seq) => `{"seq":${seq}}\n`).join(''))
    },
    metric: async (name) => await registry.getSingleMetricAsString(name),
  }
}

/** Sequence numbers in the order in which they came. */
export function sequenceOf(lines: readonly string[]): number[] {
  return lines.map((line) => Number(/"seq":(\d+)/.exec(line)?.[1]))
}

/** The numbers of [0, count) that are missing. */
export function missingOf(lines: readonly string[], count: number): number[] {
  const came = new Set(sequenceOf(lines))
  return Array.from({ length: count }, (_, seq) => seq).filter((seq) => !came.has(seq))
}
