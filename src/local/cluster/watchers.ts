/** Who watches what. A change becomes an event in the turn of the write; the background hands it over later. */
import { matchesSelector } from '../../api/label-selector.ts'
import type { Kind, KubeObject } from '../../api/objects.ts'
import type { Subscription, WatchEvent, WatchOptions } from '../../kube/cluster.ts'
import type { Background } from './background.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { frozen } from './frozen.ts'
import { keyOfObject, kindId, objectId } from './key.ts'

interface Watcher {
  where: WatchOptions
  /** Ids of the objects that this watcher knows: an object that leaves the selector is deleted to it. */
  known: Set<string>
  send: (event: WatchEvent) => void
}

export interface Watchers {
  add(
    kind: Kind,
    where: WatchOptions,
    existing: readonly KubeObject[],
    handler: (event: WatchEvent) => void,
  ): Subscription
  /** `after` undefined: the object is gone, and `before` is its last state with the version of the deletion. */
  publish(before: KubeObject | undefined, after: KubeObject | undefined): void
}

export function isWithin(where: WatchOptions, object: KubeObject): boolean {
  const { namespace, name, labels } = object.metadata
  if (where.name !== undefined && where.name !== name) return false
  if (where.namespace !== undefined && where.namespace !== namespace) return false
  if (where.fieldSelector !== undefined && !matchesFields(where.fieldSelector, object)) return false
  return where.selector === undefined || matchesSelector(where.selector, labels)
}

/** Of the fields by which an API server selects, the one that is asked for here: `status.phase`, equal or not. */
function matchesFields(fieldSelector: string, object: KubeObject): boolean {
  const { phase = '' } = (object['status'] ?? {}) as { phase?: string }
  return fieldSelector.split(',').every((term) => {
    const [, field, operator, value] = /^([\w.]+)(!=|==?)(.*)$/.exec(term) ?? []
    if (field !== 'status.phase') {
      throw new ClusterError('Invalid', `field label not supported: ${field ?? term}`)
    }
    return (phase === value) === (operator !== '!=')
  })
}

/** What a watcher asked to see of an object. */
function view({ metadataOnly = false, reduce }: WatchOptions, object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = object
  const part = metadataOnly ? { apiVersion, kind, metadata } : object
  return frozen(reduce === undefined ? part : reduce(part))
}

export function createWatchers(background: Background): Watchers {
  const ofKind = new Map<string, Set<Watcher>>()

  return {
    add(kind, where, existing, handler) {
      let stopped = false
      const known = new Set<string>()
      const send = (event: WatchEvent) => {
        background.add(() => {
          if (!stopped) handler({ ...event, object: view(where, event.object) })
        })
      }
      const watcher: Watcher = { where, known, send }
      const watchers = ofKind.get(kindId(kind)) ?? new Set()
      ofKind.set(kindId(kind), watchers.add(watcher))
      for (const object of existing) {
        known.add(objectId(keyOfObject(object)))
        send({ type: 'ADDED', object })
      }
      return {
        synced: new Promise((resolve) => background.add(resolve)),
        // Every change is told at once.
        refresh: () => undefined,
        stop() {
          stopped = true
          watchers.delete(watcher)
        },
      }
    },

    publish(before, after) {
      const object = after ?? before
      if (object === undefined) return
      const id = objectId(keyOfObject(object))
      for (const { where, known, send } of ofKind.get(kindId(object)) ?? []) {
        const knew = known.has(id)
        if (after !== undefined && isWithin(where, after)) {
          known.add(id)
          send({ type: knew ? 'MODIFIED' : 'ADDED', object: after })
        } else if (known.delete(id)) {
          send({ type: 'DELETED', object: lastState(before ?? object, object) })
        }
      }
    },
  }
}

/** What a watcher is told of an object that left its selector: the state it knew, with the version of the change. */
function lastState(known: KubeObject, now: KubeObject): KubeObject {
  const { resourceVersion } = now.metadata
  return frozen({
    ...known,
    metadata: { ...known.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
  })
}
