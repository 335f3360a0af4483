/** Raw JSON requests to the API server through one pool of connections, each with a limit in time. */
import { performance } from 'node:perf_hooks'
import { request as send, type Dispatcher } from 'undici'
import { messageOf } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { createClientMetrics, resourceOfPath } from './client-metrics.ts'
import { pause, systemClock, timeLimit, type KubeClock, type TimeLimit } from './clock.ts'
import { ClusterError } from './cluster.ts'
import { createCredentialsSource } from './credentials.ts'
import { loadKubeAccess } from './kube-config.ts'
import { createLineDecoder } from './ndjson.ts'
import { ApiRefusal, refusalOf } from './refusal.ts'
import { createTransport, type Transport, type TransportLimits } from './transport.ts'

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the root: `/api/v1/namespaces/shop/pods`. */
  path: string
  /** What is undefined is left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  body?: unknown
  /** Default: application/json. */
  contentType?: string
  /** Default: application/json. */
  accept?: string
  signal?: AbortSignal
}

export interface KubeClient {
  /**
   * The answer: JSON as its value, anything else as text. What the server asks to be tried later (429, 503 with
   * Retry-After) is, for a while. Rejects with a ClusterError whose message begins with method and path.
   */
  request<T = unknown>(request: KubeRequest): Promise<T>
  /** Opens a stream of JSON lines, and ends with it. Rejects as above, also when it is silent for too long. */
  stream(
    request: KubeRequest,
    options: { silenceMs: number; onOpen?: () => void },
  ): AsyncGenerator<unknown, void, void>
  /**
   * The same server and credentials through connections of its own: for what must not wait behind everything else, nor
   * break off with it. Ends with the client that it comes from, or before.
   */
  apart(): KubeClient
  /** Connections that are open now, also of those apart. */
  sockets(): number
  /** Cuts all that is under way. */
  close(): Promise<void>
}

interface ClientLimits extends TransportLimits {
  /** From the sending of a request to the last byte of its answer; for a stream to its headers. */
  requestMs: number
  /** How often what is to be tried later is tried again, and how long one waits for it at most each time. */
  retries: number
  retryMs: number
}

export interface KubeClientOptions {
  /** A file. Without one: as a pod, else $KUBECONFIG, else ~/.kube/config. */
  kubeconfig?: string
  /** Of the kubeconfig, in place of its current one. */
  context?: string
  env?: Readonly<Record<string, string | undefined>>
  log: Log
  registry: Registry
  clock?: KubeClock
  /** 0 to 1, for jitter. */
  random?: () => number
  limits?: Partial<ClientLimits>
}

const defaults: ClientLimits = {
  requestMs: 30_000,
  retries: 3,
  retryMs: 10_000,
  pingMs: 15_000,
  deadMs: 45_000,
  connectMs: 10_000,
}

/** Throws LSL_KUBECONFIG_INVALID. Connects with the first request. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const { kubeconfig, context, env = process.env, log, registry, clock = systemClock } = options
  const random = options.random ?? Math.random
  const limits = { ...defaults, ...options.limits }
  const load = () =>
    loadKubeAccess({
      env,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    })
  const credentials = createCredentialsSource({ load, clock })
  const transports = new Set<Transport>()
  const sockets = () => [...transports].reduce((sum, each) => sum + each.sockets(), 0)
  const metrics = createClientMetrics(registry, sockets)

  /** One exchange up to the headers; refusals are read and thrown. */
  const exchange = async (
    transport: Transport,
    { method, path, query = {}, body, ...rest }: KubeRequest,
    labels: { verb: string; resource: string },
    { signal }: TimeLimit,
  ): Promise<Dispatcher.ResponseData> => {
    const shown = await credentials.current()
    const start = performance.now()
    let code = 'error'
    try {
      const response = await send(`${shown.server}${path}${searchOf(query)}`, {
        dispatcher: transport.dispatcher(shown),
        method,
        signal,
        headers: {
          ...shown.headers,
          accept: rest.accept ?? 'application/json',
          'user-agent': 'logstash-link',
          ...(body === undefined ? {} : { 'content-type': rest.contentType ?? 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const { statusCode: status, headers } = response
      code = String(status)
      if (status < 300) return response
      const retryAfter = headers['retry-after']
      throw refusalOf(`${method} ${path}`, {
        status,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
        text: await response.body.text(),
      })
    } finally {
      metrics.answered({ ...labels, code }, (performance.now() - start) / 1000)
    }
  }

  /** Tries `attempt` as often as it makes sense. */
  const persistently = async <T>(
    request: KubeRequest,
    attempt: (limit: TimeLimit) => Promise<T>,
  ): Promise<T> => {
    const { method, path, signal } = request
    let renewed = false
    let reconnected = false
    for (let retries = 0; ; ) {
      const limit = timeLimit(clock, limits.requestMs, signal)
      try {
        return await attempt(limit)
      } catch (error) {
        const late = limit.expired()
        limit.end()
        if (signal?.aborted === true) {
          throw new ClusterError('Unavailable', `${method} ${path} was given up`, { cause: error })
        }
        if (error instanceof ApiRefusal) {
          const wait = waitAfter(error)
          if (error.status === 401 && !renewed) {
            renewed = true
            credentials.forget()
          } else if (wait !== undefined && retries < limits.retries) {
            retries += 1
            log.debug({ method, path, status: error.status, wait }, 'The API server asks to wait')
            await pause(clock, wait, signal)
          } else throw error
        } else if (isBrokenConnection(error) && method !== 'POST' && !reconnected && !late) {
          // An idle connection that the server closed at this very moment.
          reconnected = true
        } else {
          const why = late ? `no answer within ${limits.requestMs} ms` : messageOf(error)
          throw new ClusterError('Unavailable', `${method} ${path} failed: ${why}`, {
            cause: error,
          })
        }
      }
    }
  }

  const waitAfter = ({ status, retryAfterMs }: ApiRefusal): number | undefined => {
    if (status !== 429 && !(status === 503 && retryAfterMs !== undefined)) return undefined
    const asked = Math.min(limits.retryMs, Math.max(100, retryAfterMs ?? 1000))
    return asked * (1 + random() / 4)
  }

  const through = (transport: Transport, close: () => Promise<void>): KubeClient => ({
    async request<T = unknown>(request: KubeRequest): Promise<T> {
      const { resource, named } = resourceOfPath(request.path)
      const verb = request.method === 'GET' && !named ? 'list' : request.method.toLowerCase()
      return persistently(request, async (limit) => {
        const { headers, body } = await exchange(transport, request, { verb, resource }, limit)
        const text = await body.text()
        limit.end()
        const isJson = String(headers['content-type']).includes('json')
        return (isJson ? JSON.parse(text) : text) as T
      })
    },

    async *stream(request, { silenceMs, onOpen }) {
      const { method, path } = request
      const { resource } = resourceOfPath(path)
      const labels = { verb: 'watch', resource }
      const { body, limit } = await persistently(request, async (within) => ({
        body: (await exchange(transport, request, labels, within)).body,
        limit: within,
      }))
      const decoder = createLineDecoder()
      metrics.watchOpened(resource)
      try {
        onOpen?.()
        limit.extend(silenceMs)
        for await (const chunk of body) {
          limit.extend(silenceMs)
          yield* decoder.take(chunk as Buffer)
        }
      } catch (error) {
        const why = limit.expired() ? `silent for ${silenceMs} ms` : messageOf(error)
        throw new ClusterError('Unavailable', `${method} ${path} broke off: ${why}`, {
          cause: error,
        })
      } finally {
        metrics.watchClosed(resource)
        limit.end()
      }
    },

    apart: () => {
      const own = openTransport()
      return through(own, async () => {
        transports.delete(own)
        await own.close()
      })
    },
    sockets,
    close,
  })

  const openTransport = (): Transport => {
    const transport = createTransport(limits)
    transports.add(transport)
    return transport
  }
  return through(openTransport(), async () => {
    await Promise.all([...transports].map((each) => each.close()))
  })
}

function searchOf(query: NonNullable<KubeRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

const brokenConnection = new Set(['UND_ERR_SOCKET', 'UND_ERR_INFO', 'ECONNRESET', 'EPIPE'])

function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && brokenConnection.has(String(error.code))
}
