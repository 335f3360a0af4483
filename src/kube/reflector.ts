/**
 * Keeps a store in step with the API server, for ever.
 *
 *   list ──▶ watch ──▶ ended, broken, silent ──▶ wait ──▶ watch again from the last version seen
 *    ▲                                             │
 *    └────── expired (410), ERROR, garbage, or the last list is some minutes old
 *
 * One thing is under way at any time, and after each await it is seen whether all is over.
 */
import type { Log } from '../telemetry/log.ts'
import { messageOf } from '../errors.ts'
import type { CacheMetrics, RelistReason } from './cache-metrics.ts'
import type { KubeClient } from './client.ts'
import { pause, type KubeClock } from './clock.ts'
import type { KubeObject } from '../api/objects.ts'
import { pagesOf } from './paged-list.ts'
import { ApiRefusal, isGone, isNotFound } from './refusal.ts'
import { collectionPath, type Resources } from './resources.ts'
import { kept, type Scope } from './scope.ts'
import type { ObjectStore } from './store.ts'

export interface ReflectorLimits {
  /** A watch is asked to end after this long, give or take a fifth. */
  watchMs: number
  /**
   * What was not heard of for so long is taken for dead. Measured on 1.37: a bookmark each minute, of custom resources the
   * first one only after two.
   */
  silenceMs: number
  /** At most so long, and at least half of it, until all is listed again. */
  relistMs: number
  /** The first wait after a failure, doubled with each further one up to the last. */
  firstWaitMs: number
  lastWaitMs: number
}

export const reflectorLimits: ReflectorLimits = {
  watchMs: 300_000,
  silenceMs: 180_000,
  relistMs: 600_000,
  firstWaitMs: 1000,
  lastWaitMs: 30_000,
}

export interface ReflectorOptions {
  client: KubeClient
  resources: Resources
  scope: Scope
  store: ObjectStore
  metrics: CacheMetrics
  log: Log
  clock: KubeClock
  random: () => number
  limits: ReflectorLimits
  /** After each list. */
  onSynced: () => void
  /** Undefined: all is well. */
  onState: (problem: string | undefined) => void
  signal: AbortSignal
}

/** Resolves when the signal is aborted; never rejects. */
export async function reflect(options: ReflectorOptions): Promise<void> {
  const { client, resources, scope, store, metrics, log, clock, random, limits, signal } = options
  const { kind, where, labels, fields } = scope
  const name = kind.kind
  const form = where.metadataOnly === true ? 'PartialObjectMetadata' : undefined
  const selection = { labelSelector: labels, fieldSelector: fields }
  let reason: RelistReason | undefined = 'first'
  let listAgainAt = 0
  let failures = 0
  let told = ''

  const list = async (path: string, why: RelistReason) => {
    metrics.relisted(name, why)
    let listing = store.listing()
    const request = { path, query: selection, signal, ...acceptOf(form, 'List') }
    const restart = () => {
      listing = store.listing()
    }
    for await (const { version, items } of pagesOf(client, request, restart)) {
      listing.page(version, keptOf(items))
    }
    const missed = listing.end()
    if (why === 'periodic') {
      metrics.missed(name, missed)
      if (missed > 0) log.warn({ kind: name, missed }, 'A watch had missed changes')
    }
    reason = undefined
    listAgainAt = clock.now() + limits.relistMs * (0.5 + random() / 2)
  }

  const keptOf = function* (items: KubeObject[]) {
    for (const item of items) yield kept(scope, item)
  }

  const watch = async (path: string, on: { open: () => void; heard: () => void }) => {
    const lasts = Math.min(
      limits.watchMs * (0.8 + random() * 0.4),
      Math.max(limits.firstWaitMs, listAgainAt - clock.now()),
    )
    const query = {
      ...selection,
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: store.progress(),
      timeoutSeconds: Math.max(1, Math.ceil(lasts / 1000)),
    }
    const request = { method: 'GET', path, query, signal, ...acceptOf(form, '') } as const
    const { silenceMs } = limits
    for await (const event of client.stream(request, { silenceMs, onOpen: on.open })) {
      if (signal.aborted) return
      const { type, object } = watchEvent(event)
      on.heard()
      if (type === 'BOOKMARK') store.reached(object.metadata.resourceVersion ?? '')
      else store.event(type, kept(scope, object))
    }
  }

  const round = async (on: { open: () => void; heard: () => void }) => {
    const path = collectionPath(kind, await resources.find(kind), where.namespace)
    if (signal.aborted) return
    if (reason === undefined && clock.now() >= listAgainAt) reason = 'periodic'
    if (reason !== undefined) {
      await list(path, reason)
      if (signal.aborted) return
      options.onSynced()
    }
    await watch(path, on)
  }

  while (!signal.aborted) {
    const start = clock.now()
    let [wasOpen, wasHeard] = [false, false]
    let problem: string | undefined
    try {
      await round({
        open() {
          wasOpen = true
          options.onState(undefined)
        },
        heard() {
          wasHeard = true
          failures = 0
        },
      })
      metrics.watchEnded(name, 'end')
    } catch (error) {
      if (signal.aborted) return
      problem = messageOf(error)
      metrics.watchEnded(name, 'error')
      if (isGone(error)) reason = 'expired'
      else if (isNonsense(error)) reason = 'broken'
      // A kind that the cluster does not know (yet) has no objects.
      else if (isNotFound(error) && store.progress() === undefined) options.onSynced()
      options.onState(problem)
      // Once for each problem: the same one may come back for hours. And no stack: a server that ends cuts all watches.
      const level = problem === told || isGone(error) ? 'debug' : 'warn'
      log[level]({ kind: name, reason: problem }, 'A watch is to begin again')
      told = problem
    }
    const isFirstExpiry = reason === 'expired' && failures === 0
    const wasGood = problem === undefined && (wasHeard || clock.now() - start > limits.firstWaitMs)
    failures = wasGood ? 0 : failures + 1
    if (failures === 0) told = ''
    if (failures === 0 || isFirstExpiry) continue
    // Where the server takes watches, only to cut them, there may be changes in between: no long waits.
    const doublings = wasOpen ? Math.min(failures - 1, 2) : failures - 1
    const wait = Math.min(limits.lastWaitMs, limits.firstWaitMs * 2 ** doublings)
    await pause(clock, wait * (0.75 + random() / 2), signal)
  }
}

/** What a server sends where nothing is to be believed that it said on this watch. */
class Nonsense extends Error {}

function isNonsense(error: unknown): boolean {
  return error instanceof Nonsense || (error instanceof Error && error.cause instanceof SyntaxError)
}

interface Told {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: KubeObject
}

const types = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'])

/** ERROR, and whatever is no event, is thrown: a new list puts it right. */
function watchEvent(value: unknown): Told {
  const { type, object } = (value ?? {}) as { type?: string; object?: Partial<KubeObject> }
  if (type === 'ERROR') {
    const told = typeof object?.['message'] === 'string' ? object['message'] : 'no more was said'
    const message = `The watch told an error: ${told}`
    if (object?.['code'] === 410) throw new ApiRefusal('Unavailable', message, { status: 410 })
    throw new Nonsense(message)
  }
  const version = object?.metadata?.resourceVersion
  if (type === undefined || !types.has(type) || !version) {
    throw new Nonsense('The watch told something that is no event')
  }
  return value as Told
}

function acceptOf(form: string | undefined, ending: 'List' | ''): { accept?: string } {
  if (form === undefined) return {}
  return { accept: `application/json;as=${form}${ending};g=meta.k8s.io;v=v1` }
}
