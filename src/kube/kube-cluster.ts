/**
 * The port on a real API server.
 *
 *   watch ─▶ source (shared by scope) ─▶ reflector, or poller for Secrets ─▶ store ─▶ handlers
 *   read  ─▶ the store of a source that covers what is asked, else the server
 *   write ─▶ the server; its answer goes into the stores at once
 */
import { matchesSelector } from '../api/label-selector.ts'
import { manager as ownManager } from '../api/names.ts'
import type { Kind, KubeObject, ObjectKey } from '../api/objects.ts'
import type { Check, Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import type { Registry } from '../telemetry/metrics.ts'
import { createCacheMetrics } from './cache-metrics.ts'
import type { KubeClient } from './client.ts'
import { systemClock, type KubeClock } from './clock.ts'
import type { Cluster, Where } from './cluster.ts'
import { pagesOf } from './paged-list.ts'
import { reflectorLimits, type ReflectorLimits } from './reflector.ts'
import { isNotFound } from './refusal.ts'
import { collectionPath, createResources, objectPath, selectorText } from './resources.ts'
import { isComplete, isWanted, kept, scopeOf } from './scope.ts'
import { createSecretPoller, pollLimits, type PollLimits } from './secret-poller.ts'
import type { Source } from './source.ts'
import { createSources } from './sources.ts'
import { byPlace } from './store.ts'
import { createWrites } from './writes.ts'

export interface KubeClusterOptions {
  client: KubeClient
  log: Log
  registry: Registry
  clock?: KubeClock
  /** 0 to 1, for jitter. */
  random?: () => number
  limits?: Partial<ReflectorLimits>
  pollLimits?: Partial<PollLimits>
  /** For a node, which mounts what pods name: Secrets may be watched without a name. Default false. */
  maySeeAllSecrets?: boolean
}

export interface KubeCluster extends Cluster {
  /** The same cluster with the same watches, written to by another field manager. */
  as(manager: string): Cluster
  /** Ready once every watch that was opened knows what there is. */
  checks: Checks
  /** Ends all watches. The client stays open: it is its maker's to close. */
  close(): Promise<void>
}

export function createKubeCluster(options: KubeClusterOptions): KubeCluster {
  const { client, log, registry, clock = systemClock, random = Math.random } = options
  const resources = createResources(client)
  const metrics = createCacheMetrics(registry, () =>
    sources.all().reduce((sum, { store }) => sum + store.size(), 0),
  )

  const readLive = async (key: ObjectKey): Promise<KubeObject | undefined> => {
    try {
      const path = objectPath(key, await resources.find(key))
      return kept(scopeOf(key, {}), await client.request<KubeObject>({ method: 'GET', path }))
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  const sources = createSources({
    client,
    resources,
    poller: createSecretPoller({ clock, random, limits: { ...pollLimits, ...options.pollLimits } }),
    read: readLive,
    metrics,
    log,
    clock,
    random,
    limits: { ...reflectorLimits, ...options.limits },
    maySeeAllSecrets: options.maySeeAllSecrets ?? false,
  })

  const readable = (kind: Kind, namespace: string | undefined, name?: string) =>
    sources
      .covering(kind, namespace, name)
      .filter((source) => source.isReadable())
      .toSorted((a, b) => loss(a) - loss(b))

  const reader: Pick<Cluster, 'get' | 'list' | 'watch'> = {
    async get<T extends KubeObject>(key: ObjectKey) {
      const known = readable(key, key.namespace, key.name)
      for (const { store } of known) {
        const object = store.get(key.namespace, key.name)
        if (object !== undefined) return object as T
      }
      if (known.some(({ scope }) => isComplete(scope))) return undefined
      return (await readLive(key)) as T | undefined
    },

    async list<T extends KubeObject>(
      kind: Kind,
      where: Pick<Where, 'namespace' | 'selector'> = {},
    ) {
      const { namespace, selector = {} } = where
      const labels = selectorText(selector)
      const [known] = readable(kind, namespace)
        // What a field selector leaves out is in no store.
        .filter(({ scope }) => scope.fields === undefined)
        .filter(({ scope }) => scope.labels === undefined || scope.labels === labels)
        .toSorted(
          (a, b) => Number(a.scope.labels === undefined) - Number(b.scope.labels === undefined),
        )
      if (known !== undefined) {
        const objects = known.store.list(namespace)
        return (
          known.scope.labels === labels
            ? objects
            : objects.filter(({ metadata }) => matchesSelector(selector, metadata.labels))
        ) as T[]
      }
      const scope = scopeOf(kindOf(kind), where)
      let found: KubeObject[] = []
      try {
        const path = collectionPath(scope.kind, await resources.find(scope.kind), namespace)
        const request = { path, query: { labelSelector: labels } }
        for await (const { items } of pagesOf(client, request, () => (found = []))) {
          found.push(...items.map((item) => kept(scope, item)))
        }
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
      return found.toSorted(byPlace) as T[]
    },

    watch: (kind, where, handler) => sources.watch(kind, where, handler),
  }

  /** What was written is seen at once by whoever reads what the watches keep. */
  const see = (answer: KubeObject): KubeObject => {
    const { namespace, name } = answer.metadata
    for (const source of sources.covering(answer, namespace, name)) {
      const { scope, store } = source
      // What a field selector leaves out is known to the server alone.
      const wanted =
        scope.where.fieldSelector === undefined || store.get(namespace, name) !== undefined
      source.outdate()
      if (wanted) store.written(kept(scope, answer), isWanted(scope, answer))
    }
    return kept(scopeOf(answer, {}), answer)
  }

  const as = (manager: string): Cluster => {
    const writes = createWrites({ client, resources, manager })
    return {
      ...reader,
      create: async <T extends KubeObject>(object: T) => see(await writes.create(object)) as T,
      apply: async <T extends KubeObject>(object: T) => see(await writes.apply(object)) as T,
      applyStatus: async <T extends KubeObject>(object: T) =>
        see(await writes.applyStatus(object)) as T,
      async delete(key, { uid } = {}) {
        const outcome = await writes.remove(key, uid)
        if ('left' in outcome) see(outcome.left)
        else {
          for (const source of sources.covering(key, key.namespace, key.name)) {
            source.outdate()
            source.store.erased(key, outcome.gone)
          }
        }
      },
    }
  }

  const isReady: Check = () => {
    const late = sources.all().filter((source) => !source.isSynced())
    const deaf = sources.all().filter((source) => source.problem() !== undefined)
    const [first] = [...late, ...deaf]
    const why = first === undefined ? '' : `; ${first.scope.kind.kind}: ${first.problem() ?? ''}`
    if (late.length > 0)
      return { ok: false, message: `${late.length} watches are not synced${why}` }
    // Readiness stays: the webhook serves from what is known, and no restart mends the API server.
    return { ok: true, message: deaf.length === 0 ? 'ok' : `${deaf.length} watches are cut${why}` }
  }

  return {
    ...as(ownManager),
    as,
    // Nothing for liveness: each wait of a reflector has an end, and one that ends by a defect ends the process.
    checks: { live: {}, ready: { cluster: isReady } },
    async close() {
      sources.stop()
    },
  }
}

/** How much is missing in what a source keeps: what keeps more is asked first. */
function loss({ scope: { where } }: Source): number {
  return (where.metadataOnly === true ? 2 : 0) + (where.reduce === undefined ? 0 : 1)
}

function kindOf({ apiVersion, kind }: Kind): Kind {
  return { apiVersion, kind }
}
