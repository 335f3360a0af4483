/** `logstash-link receiver`: composes settings, health and the receiver, and ends it in order. */
import { parseReceiverFile } from '../api/sidecar-schema.ts'
import type { ReceiverFile, ReceiverSettings } from '../api/sidecar-config.ts'
import { receiverCommand, receiverFlags } from '../config/receiver.ts'
import { parseSidecarFile } from '../config/sidecar-file.ts'
import { startReceiver } from '../dataplane/receiver/receiver.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Io } from './io.ts'
import { openSettings } from './settings.ts'
import {
  answerUsage,
  firstSignal,
  followLevel,
  graceMs,
  type Health,
  serveHealth,
  within,
} from './sidecar.ts'

/** Exit code 0 when all that was accepted was delivered, 1 when something remains. */
export async function runReceiver(args: string[], io: Io): Promise<number> {
  const { source, placement, healthPortGiven, problems } = receiverCommand(args, io.env)
  const answered = answerUsage('receiver', args, receiverFlags, problems, io)
  if (answered !== undefined) return answered

  const level = source.from === 'flags' ? source.settings.logLevel : 'Info'
  const log = createLog({ program: 'receiver', level })
  const registry = createMetrics({ program: 'receiver' })
  const signal = firstSignal(log)
  const settings = openSettings<ReceiverFile, ReceiverSettings>(
    source,
    (text, path) => parseSidecarFile(text, path, parseReceiverFile),
    log,
  )
  const health: Health = {
    checks: { live: {}, ready: { settings: settings.check } },
    status: () => ({ program: 'receiver', state: 'waiting for settings' }),
  }
  const server = await serveHealth(health, {
    host: placement.host,
    port: placement.healthPort,
    portGiven: healthPortGiven,
    registry,
    log,
  })
  try {
    const current = await Promise.race([settings.ready, signal.came])
    if (typeof current === 'string') return 0
    followLevel(log, current)
    const receiver = await startReceiver(current, { log, registry, env: io.env })
    health.checks = {
      live: receiver.checks.live,
      ready: { settings: settings.check, ...receiver.checks.ready },
    }
    health.status = () => receiver.status()
    log.info(
      { signal: await signal.came },
      'Stopping: no new requests, what is under way is finished',
    )
    const stopped = await within(graceMs, receiver.stop())
    const undelivered = stopped?.undelivered
    if (undelivered === 0) return 0
    log.error(
      { undelivered },
      'Ended before everything under way was delivered; its senders keep it',
    )
    return 1
  } finally {
    settings.close()
    await server.close()
    signal.forget()
  }
}
