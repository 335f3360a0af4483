/** A receiver on a free port of the loopback, without TLS unless told otherwise. */
import { Registry } from 'prom-client'
import { defaults, type ReceiverSettings } from '../../src/api/sidecar-config.ts'
import { changeable } from '../../src/dataplane/files/watched.ts'
import {
  startReceiver,
  type Receiver,
  type ReceiverDependencies,
} from '../../src/dataplane/receiver/receiver.ts'
import { silentLog } from './log.ts'

export function receiverSettings(changes: Partial<ReceiverSettings> = {}): ReceiverSettings {
  return {
    role: 'receiver',
    tls: { enabled: false },
    deliver: { type: 'stdout' },
    limits: defaults.receiverLimits,
    logLevel: 'Info',
    host: '127.0.0.1',
    loopback: '127.0.0.1',
    port: 0,
    healthPort: 0,
    ...changes,
  }
}

export interface TestReceiver extends Receiver {
  registry: Registry
  change(changes: Partial<ReceiverSettings>): void
  /** The value of a metric, summed over its labels. */
  metric(name: string): Promise<number>
}

export async function startTestReceiver(
  t: { after(done: () => Promise<void>): void },
  changes: Partial<ReceiverSettings>,
  dependencies: Partial<Omit<ReceiverDependencies, 'registry'>> = {},
): Promise<TestReceiver> {
  const settings = changeable(receiverSettings(changes))
  const registry = new Registry()
  const { env = {}, log = silentLog(), ...rest } = dependencies
  const receiver = await startReceiver(settings, { log, registry, env, ...rest })
  let stopped: Promise<{ undelivered: number }> | undefined
  const stop = (): Promise<{ undelivered: number }> => (stopped ??= receiver.stop())
  t.after(async () => void (await stop()))
  return {
    ...receiver,
    get port() {
      return receiver.port
    },
    stop,
    registry,
    change: (more) => settings.set({ ...settings.current, ...more }),
    async metric(name) {
      const found = await registry.getSingleMetric(name)?.get()
      return found?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    },
  }
}
