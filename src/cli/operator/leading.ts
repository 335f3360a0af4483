/** What the leader alone does: links are reconciled, and the webhook's configuration is kept. */
import { randomBytes } from 'node:crypto'
import type { OperatorSettings } from '../../config/operator.ts'
import { realClock } from '../../controller/clock.ts'
import { createController } from '../../controller/controller.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Checks } from '../../telemetry/answers.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Registry } from '../../telemetry/metrics.ts'
import { keepWebhookConfiguration } from '../../webhook/configuration-keeper.ts'
import type { LinkIndex } from '../../webhook/link-index.ts'
import type { ServingIdentity } from '../../webhook/serving-identity.ts'
import { allChecks, asInformation } from './checks.ts'

interface Leading {
  checks: Checks
  /** Starts nothing new; resolves when the reconciles that run have ended. */
  stop(): Promise<void>
}

export interface LeadingOptions {
  /** Refuses writes once the process does not lead any more. */
  cluster: Cluster
  settings: OperatorSettings
  links: LinkIndex
  identity: ServingIdentity
  log: Log
  registry: Registry
}

export function startLeading(given: LeadingOptions): Leading {
  const { cluster, settings, links, identity, log, registry } = given
  const { address, configuration } = settings.webhook
  const { namespace } = settings
  const keeper = keepWebhookConfiguration({
    cluster,
    links,
    identity,
    name: configuration,
    clientConfig:
      'url' in address ? address : { service: { namespace, name: address.service, port: 443 } },
    namespace,
    clock: realClock,
    log,
  })
  const controller = createController({
    cluster,
    clock: realClock,
    log,
    registry,
    options: settings.options,
    random: randomBytes,
    webhook: keeper,
  })
  let stopped = false
  const start = async () => {
    // Else links would lose Accepted for the moment in which nobody knows what the webhook covers.
    await keeper.synced
    if (!stopped) await controller.start()
  }
  // What rejects here is a defect, and ends the process as such.
  void start()
  return {
    checks: allChecks([keeper.checks, asInformation(controller.checks, 'controller')]),
    async stop() {
      stopped = true
      keeper.stop()
      await controller.stop()
    },
  }
}
