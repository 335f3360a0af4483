/** The admission webhook: pods come, patches go. Whatever goes wrong here, the pod passes. */
import { fastify, type FastifyError, type FastifyInstance } from 'fastify'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { ObjectMeta } from '../api/objects.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { messageOf, TerminalError } from '../errors.ts'
import type { Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { injectPath } from './entry.ts'
import type { LinkIndex } from './link-index.ts'
import { createWebhookMetrics, type Outcome, type WebhookMetrics } from './metrics.ts'
import { allow, injectInto, isPodCreation, readReview, skipWarnings } from './review.ts'
import type { ReviewRequest } from './review.ts'
import type { ServingIdentity } from './serving-identity.ts'

export interface WebhookServerOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** What is served may change at any time; without one, handshakes fail. */
  identity: Pick<ServingIdentity, 'current' | 'onChange'>
  links: Pick<LinkIndex, 'inNamespace' | 'isSynced'>
  options: OperatorOptions
  log: Log
  registry: Registry
}

export interface WebhookServer {
  port: number
  checks: Checks
  /** Requests under way are answered first; connections without one close at once. */
  close(): Promise<void>
}

/** The API server takes requests of at most 3 MiB; the review around a pod adds little. */
const maxReviewBytes = 3 * 1024 * 1024 + 64 * 1024
/** The API server closes idle connections after 90 s; who closes first must not be us, or a request meets a closed door. */
const keepAliveMs = 2 * 60_000
/** It gives up after 5 s itself. */
const requestMs = 10_000

/** Listens. Throws LSL_LISTEN_FAILED where the address cannot be had. */
export async function startWebhookServer(given: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, identity, links, log, registry } = given
  const metrics = createWebhookMetrics(registry, () => {
    const ends = identity.current?.notAfter
    return ends === undefined ? undefined : ends / 1000
  })
  const server = fastify({
    logger: false,
    https: securityOf(identity.current),
    bodyLimit: maxReviewBytes,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: requestMs,
    forceCloseConnections: 'idle',
    // What comes in on an open connection is served until the end: a 503 would leave its pod without a sidecar.
    return503OnClosing: false,
    // Labels and annotations may bear any name; nothing is merged into a prototype here.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
  })
  serve(server, given, metrics)
  server.server.on('tlsClientError', (error) => {
    metrics.handshakeFailed()
    log.debug({ err: error }, 'A TLS handshake with the webhook failed')
  })
  // New connections alone; those that are open go on with the certificate before.
  const end = identity.onChange(() => server.server.setSecureContext(securityOf(identity.current)))
  try {
    await server.listen({ host, port })
  } catch (error) {
    end()
    const parameters = [`${host}:${port}`, 'the webhook', messageOf(error)]
    throw new TerminalError('LSL_LISTEN_FAILED', parameters, { cause: error })
  }
  return {
    port: (server.server.address() as AddressInfo).port,
    checks: {
      live: {},
      ready: {
        'webhook links': () => ({
          ok: links.isSynced(),
          message: links.isSynced() ? 'All links are known' : 'Links are not known yet',
        }),
      },
    },
    async close() {
      end()
      await server.close()
    },
  }
}

function serve(
  server: FastifyInstance<Server>,
  { links, options, log }: WebhookServerOptions,
  metrics: WebhookMetrics,
): void {
  const answer = (request: ReviewRequest): { outcome: Outcome; body: object } => {
    try {
      if (!isPodCreation(request)) return { outcome: 'untouched', body: allow(request) }
      const { namespace } = request
      const { patch, skipped } = injectInto(request, links.inNamespace(namespace), options)
      const pod = nameOf(request)
      for (const { link, role, reason, message } of skipped) {
        log.info({ namespace, pod, link, role, reason }, message)
      }
      const outcome = outcomeOf(patch.length > 0, skipped.length > 0)
      return { outcome, body: allow(request, { patch, warnings: skipWarnings(skipped) }) }
    } catch (error) {
      const { namespace } = request
      log.error({ namespace, pod: nameOf(request), err: error }, 'A pod could not be injected')
      const warning = `logstash-link: the pod gets no sidecar because of a fault of the operator, whose log says more: ${messageOf(error)}`
      return { outcome: 'failed', body: allow(request, { warnings: [warning] }) }
    }
  }

  server.post(injectPath, async ({ body }, reply) => {
    const request = readReview(body)
    if (!links.isSynced()) {
      // No patch would look as if nothing had been wanted; a failure is counted by the API server, which lets the pod pass.
      metrics.answered('unsynced')
      return reply.code(503).send({ error: 'Links are not known yet' })
    }
    const result = answer(request)
    metrics.answered(result.outcome)
    return reply.send(result.body)
  })
  server.setErrorHandler<FastifyError | TerminalError>(async (error, _request, reply) => {
    metrics.answered('refused')
    log.warn({ err: error }, 'A request to the webhook was no review of a pod')
    const status = 'statusCode' in error ? error.statusCode : 400
    return reply.code(status ?? 400).send({ error: error.message })
  })
  server.addHook('onResponse', async (_request, reply) => {
    metrics.took(reply.elapsedTime / 1000)
  })
}

function outcomeOf(isPatched: boolean, isSkipped: boolean): Outcome {
  if (isSkipped) return 'skipped'
  return isPatched ? 'injected' : 'untouched'
}

/** A pod of a controller has no name yet. */
function nameOf({ object }: ReviewRequest): string {
  const { name, generateName } = (object?.metadata ?? {}) as Partial<ObjectMeta>
  return name ?? `${generateName ?? ''}…`
}

function securityOf(leaf: ServingIdentity['current']): SecureContextOptions {
  return {
    minVersion: 'TLSv1.2',
    ...(leaf === undefined ? {} : { cert: leaf.cert, key: leaf.key }),
  }
}
