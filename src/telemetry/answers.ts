/** What the health endpoints answer, apart from any server: shared by sidecars (node:http) and control plane (fastify). */
import { messageOf } from '../errors.ts'
import type { Registry } from './metrics.ts'

/** Asked on each request, so it must be quick; one that throws counts as failed with what it threw. */
export type Check = () => { ok: boolean; message: string }

export interface Checks {
  /** False restarts the container: only for what a restart can mend. */
  live: Record<string, Check>
  /** False takes the pod out of its Service. */
  ready: Record<string, Check>
}

export interface HealthSource {
  checks: Checks
  registry: Registry
  /** For /status; without it that path does not exist. Never holds event content. */
  status?: () => object
}

export interface Answer {
  status: number
  headers: Record<string, string | number>
  body: Buffer
}

/** The answer for a method and a URL (its query is ignored), Content-Length included. Never rejects. */
export async function answerFor(
  source: HealthSource,
  method: string,
  url: string,
): Promise<Answer> {
  const [path = '/'] = url.split('?', 1)
  const endpoint = endpointOf(source, path)
  if (endpoint === undefined) {
    return json(404, { error: `There is nothing at ${path}; try ${paths(source).join(', ')}` })
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const refused = json(405, { error: `Expected method GET or HEAD, got ${method}` })
    return { ...refused, headers: { ...refused.headers, allow: 'GET, HEAD' } }
  }
  try {
    return await endpoint()
  } catch (error) {
    return json(500, { error: messageOf(error) })
  }
}

function endpointOf(
  { checks, registry, status }: HealthSource,
  path: string,
): (() => Answer | Promise<Answer>) | undefined {
  switch (path) {
    case '/healthz':
      return () => checkAnswer(checks.live)
    case '/readyz':
      return () => checkAnswer(checks.ready)
    case '/metrics':
      return async () => answer(200, registry.contentType, await registry.metrics())
    case '/status':
      return status && (() => json(200, status()))
    default:
      return undefined
  }
}

function paths({ status }: HealthSource): string[] {
  return ['/healthz', '/readyz', '/metrics', ...(status ? ['/status'] : [])]
}

function checkAnswer(checks: Record<string, Check>): Answer {
  const results = Object.entries(checks).map(([name, check]) => [name, resultOf(check)] as const)
  const failed = results.some(([, result]) => !result.ok)
  return json(failed ? 503 : 200, {
    status: failed ? 'failed' : 'ok',
    checks: Object.fromEntries(results),
  })
}

function resultOf(check: Check): ReturnType<Check> {
  try {
    return check()
  } catch (error) {
    return { ok: false, message: messageOf(error) }
  }
}

function json(status: number, value: object): Answer {
  return answer(status, 'application/json', `${JSON.stringify(value)}\n`)
}

function answer(status: number, contentType: string, text: string): Answer {
  const body = Buffer.from(text)
  return {
    status,
    headers: {
      'content-type': contentType,
      'content-length': body.length,
      'cache-control': 'no-store',
    },
    body,
  }
}
