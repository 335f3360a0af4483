/** The open watches: found by what they cover, shared by those who ask for the same. */
import type { Kind, KubeObject, ObjectKey } from '../api/objects.ts'
import type { Log } from '../telemetry/log.ts'
import { messageOf } from '../errors.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import type { KubeClient } from './client.ts'
import type { KubeClock } from './clock.ts'
import { ClusterError, type Cluster } from './cluster.ts'
import { reflect, type ReflectorLimits } from './reflector.ts'
import { isForbidden } from './refusal.ts'
import type { Resources } from './resources.ts'
import { kept, placeOf, scopeOf, type Scope } from './scope.ts'
import type { SecretPoller } from './secret-poller.ts'
import { createSource, type Feed, type Source, type SourceState } from './source.ts'

export interface Sources {
  watch: Cluster['watch']
  /** All that cover a namespace and a name (or all names), the narrowest first. */
  covering(kind: Kind, namespace: string | undefined, name: string | undefined): Source[]
  all(): Source[]
  stop(): void
}

export interface SourcesOptions {
  /** Whether Secrets may be watched without a name: never by the operator. */
  maySeeAllSecrets: boolean
  client: KubeClient
  resources: Resources
  poller: SecretPoller
  /** One live GET. */
  read: (key: ObjectKey) => Promise<KubeObject | undefined>
  metrics: CacheMetrics
  log: Log
  clock: KubeClock
  random: () => number
  limits: ReflectorLimits
}

export function createSources(options: SourcesOptions): Sources {
  const { poller, read, metrics, log } = options
  const places = new Map<string, Set<Source>>()
  const running = new Set<AbortController>()

  const reflected = (scope: Scope, { store, synced, problem }: SourceState): Feed => {
    const controller = new AbortController()
    running.add(controller)
    const { signal } = controller
    const { client, resources, clock, random, limits } = options
    const collaborators = { client, resources, metrics, log, clock, random, limits, signal }
    void reflect({ ...collaborators, scope, store, onSynced: synced, onState: problem })
    return {
      // Every change is told at once.
      refresh: () => undefined,
      outdate: () => undefined,
      stop() {
        running.delete(controller)
        controller.abort()
      },
    }
  }

  const polled = (scope: Scope, { store, synced, problem }: SourceState): Feed => {
    const { namespace, name = '' } = scope.where
    const key = { ...scope.kind, name, ...(namespace === undefined ? {} : { namespace }) }
    let told = ''
    return poller.add({
      ask: () => read(key),
      take(object) {
        const before = store.get(namespace, name)
        store.holdOnly(object === undefined ? undefined : kept(scope, object))
        // From now on what one writes oneself is seen in it.
        store.reached('0')
        problem(undefined)
        synced()
        told = ''
        return store.get(namespace, name) !== before
      },
      fail(error) {
        const message = messageOf(error)
        problem(message)
        log[message === told ? 'debug' : 'warn'](
          { name, namespace, reason: message },
          'A Secret cannot be read',
        )
        told = message
        // One that may not be read is known no better later: it holds up nobody's start.
        if (isForbidden(error)) synced()
      },
    })
  }

  const open = (scope: Scope): Source => {
    const place = placeOf(scope.kind, scope.where.namespace, scope.where.name)
    const isPolled = scope.kind.kind === 'Secret' && scope.where.name !== undefined
    const source: Source = createSource({
      scope,
      log,
      metrics,
      open: (state) => (isPolled ? polled(scope, state) : reflected(scope, state)),
      onEmpty() {
        const sources = places.get(place)
        sources?.delete(source)
        if (sources?.size === 0) places.delete(place)
      },
    })
    places.set(place, (places.get(place) ?? new Set()).add(source))
    return source
  }

  return {
    watch(kind, where, handler) {
      const scope = scopeOf(kind, where)
      // To ask for all of them is a right that the operator must not have, not even by mistake.
      if (kind.kind === 'Secret' && where.name === undefined && !options.maySeeAllSecrets) {
        throw new ClusterError('Invalid', 'Secrets are watched by name: none was given')
      }
      const there = places.get(placeOf(kind, where.namespace, where.name)) ?? []
      const same = [...there].find(
        (each) => each.scope.id === scope.id && each.scope.where.reduce === where.reduce,
      )
      return (same ?? open(scope)).join(handler)
    },
    covering(kind, namespace, name) {
      const candidates = [
        ...(name === undefined
          ? []
          : [placeOf(kind, namespace, name), placeOf(kind, undefined, name)]),
        placeOf(kind, namespace, undefined),
        placeOf(kind, undefined, undefined),
      ]
      return [...new Set(candidates)].flatMap((place) => [...(places.get(place) ?? [])])
    },
    all: () => [...places.values()].flatMap((sources) => [...sources]),
    stop() {
      for (const controller of running) controller.abort()
      poller.stop()
    },
  }
}
