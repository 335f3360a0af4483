/** `logstash-link sender`: composes settings, health and the sender, and ends it in order. */
import type { SenderFile, SenderSettings } from '../api/sidecar-config.ts'
import { parseSenderFile } from '../api/sidecar-schema.ts'
import { senderCommand, senderFlags } from '../config/sender.ts'
import { parseSidecarFile } from '../config/sidecar-file.ts'
import { startSender } from '../dataplane/sender/sender.ts'
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
} from './sidecar.ts'
import { version } from './version.ts'

/** Exit code 0 when everything was acknowledged, 1 when anything remains; the log says how many. */
export async function runSender(args: string[], io: Io): Promise<number> {
  const { source, placement, healthPortGiven, problems } = senderCommand(args, io.env, process.pid)
  const answered = answerUsage('sender', args, senderFlags, problems, io)
  if (answered !== undefined) return answered

  const level = source.from === 'flags' ? source.settings.logLevel : 'Info'
  const log = createLog({ program: 'sender', level })
  const registry = createMetrics({ program: 'sender' })
  const signal = firstSignal(log)
  const settings = openSettings<SenderFile, SenderSettings>(
    source,
    (text, path) => parseSidecarFile(text, path, parseSenderFile),
    log,
  )
  const health: Health = {
    checks: { live: {}, ready: { settings: settings.check } },
    status: () => ({ program: 'sender', state: 'waiting for settings' }),
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
    const sender = await startSender(current, {
      log,
      registry,
      env: io.env,
      input: io.stdin,
      version,
    })
    health.checks = {
      live: sender.checks.live,
      ready: { settings: settings.check, ...sender.checks.ready },
    }
    health.status = () => sender.status()
    const why = await Promise.race([
      sender.drained.then(() => 'end of input' as const),
      signal.came,
    ])
    if (why !== 'end of input') log.info({ signal: why }, 'Stopping: what was taken is sent first')
    const { remaining } = await sender.stop({ graceMs })
    if (remaining === 0) {
      log.info({ why }, 'Everything that was taken is acknowledged')
      return 0
    }
    log.error({ remaining }, 'Ended before these events were acknowledged')
    return 1
  } finally {
    settings.close()
    await server.close()
    signal.forget()
  }
}
