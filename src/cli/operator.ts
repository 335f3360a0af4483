/**
 * `logstash-link operator`: the control plane in a cluster.
 *
 *   each replica   API server ─▶ caches ─▶ links, certificate ─▶ webhook
 *   the leader                          └▶ controller, keeper of the webhook's configuration
 *
 * SIGTERM: the leader's work ends, the Lease is given back, the webhook serves on until nobody can know it any more.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { operatorCommand, operatorFlags, type OperatorSettings } from '../config/operator.ts'
import { realClock } from '../controller/clock.ts'
import { createKubeClient } from '../kube/client.ts'
import { createKubeCluster } from '../kube/kube-cluster.ts'
import { createElector, type LeaseClock } from '../kube/lease.ts'
import { openLease } from '../kube/lease-store.ts'
import type { Check } from '../telemetry/answers.ts'
import { startControlPlaneHealth } from '../telemetry/control-plane-health.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createLinkIndex } from '../webhook/link-index.ts'
import { startWebhookServer } from '../webhook/server.ts'
import { openServingIdentity } from '../webhook/serving-identity.ts'
import { endingSignals } from './ending-signals.ts'
import type { Io } from './io.ts'
import { allChecks, asInformation } from './operator/checks.ts'
import { endOnDefects, within } from './operator/ending.ts'
import { fencedCluster } from './operator/fenced-cluster.ts'
import { startLeading } from './operator/leading.ts'
import { answerUsage } from './usage.ts'
import { version } from './version.ts'

/** API servers learn with a delay that a replica leaves its Service; so long after the signal the webhook still serves. */
const lingerMs = 5000
/** All bounds together stay below the 30 s that Kubernetes gives by default. */
const boundMs = { work: 10_000, webhook: 5000, rest: 2000 }

const leaseClock: LeaseClock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  setTimer: (callback, ms) => realClock.setTimer(callback, ms),
}

/** Exit code 0 after an orderly end, 1 when leadership was lost, 2 for a command line that is refused. */
export async function runOperator(args: string[], io: Io): Promise<number> {
  const { settings, problems } = operatorCommand(args, io.env)
  const answered = answerUsage('operator', args, operatorFlags, problems, io)
  if (answered !== undefined) return answered
  // V8 lets garbage grow to several times what a cache holds: 250 MiB of resident memory for 40 MiB of objects (300 links,
  // 3,000 pods), 140 MiB with this; a cold start costs a fifth more CPU (measured, Node 26).
  setFlagsFromString('--optimize-for-size')
  const log = createLog({ program: 'operator', level: settings.logLevel })
  const forgetDefects = endOnDefects(log)
  const signals = endingSignals()
  signals.onSecond(() => log.warn('A second signal: ending at once'))
  try {
    return await operate(settings, log, signals.first)
  } finally {
    signals.forget()
    forgetDefects()
  }
}

async function operate(
  settings: OperatorSettings,
  log: Log,
  signal: Promise<NodeJS.Signals>,
): Promise<number> {
  const { host, namespace, options, webhook, lease, kubeconfig } = settings
  const registry = createMetrics({ program: 'operator' })
  const client = createKubeClient({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    log,
    registry,
  })
  const cluster = createKubeCluster({ client, log, registry })
  const links = createLinkIndex(cluster)
  const identity = openServingIdentity({
    cluster,
    key: { namespace, name: webhook.secret },
    configuration: webhook.configuration,
    clock: realClock,
    log,
  })

  let leading: ReturnType<typeof startLeading> | undefined
  let isStopping = false
  const lost = Promise.withResolvers<'lost'>()
  const elector = createElector({
    // Renewals wait behind nothing: hundreds of watches and writes share the other connections.
    store: openLease(client.apart(), { namespace, name: lease.name }),
    lease: { namespace, name: lease.name },
    identity: `${settings.name}_${randomUUID()}`,
    clock: leaseClock,
    random: Math.random,
    log,
    registry,
    ...lease,
    onElected() {
      const fenced = fencedCluster(cluster, () => elector.leads())
      leading = startLeading({ cluster: fenced, settings, links, identity, log, registry })
    },
    onLost: () => lost.resolve('lost'),
  })

  const closing: (() => Promise<void>)[] = [
    async () => {
      links.stop()
      identity.stop()
      await cluster.close()
      await client.close()
    },
  ]
  try {
    const server = await startWebhookServer({
      host,
      port: webhook.port,
      identity,
      links,
      options,
      log,
      registry,
    })
    closing.unshift(() => within('webhook', server.close(), { ms: boundMs.webhook, log }))
    const stopping: Check = () => ({
      ok: !isStopping,
      message: isStopping ? 'The operator is about to end' : 'The operator runs',
    })
    const health = await startControlPlaneHealth({
      host,
      port: settings.healthPort,
      get checks() {
        // A link in a new namespace opens new watches; that they are on their way must not end the webhook's service.
        const known = asInformation(cluster.checks, 'kubernetes')
        const parts = [known, server.checks, identity.checks, elector.checks]
        if (leading !== undefined) parts.push(leading.checks)
        return allChecks([{ live: {}, ready: { running: stopping } }, ...parts])
      },
      registry,
      log,
    })
    closing.unshift(() => within('health', health.close(), { ms: boundMs.rest, log }))
    const ports = { healthPort: health.port, webhookPort: server.port }
    log.info({ version, namespace, ...ports }, 'The operator runs')
    elector.start()

    const why = await Promise.race([signal, lost.promise])
    // At once: whatever runs here must not be what another leader meets.
    if (why === 'lost') process.exit(1)
    isStopping = true
    log.info(
      { why },
      'Stopping: reconciles that run are finished, the webhook serves a little longer',
    )
    const linger = delay(lingerMs)
    await within('reconciles', leading?.stop(), { ms: boundMs.work, log })
    await elector.stop()
    await linger
    return 0
  } finally {
    for (const close of closing) await close()
    log.info('Ended')
  }
}
