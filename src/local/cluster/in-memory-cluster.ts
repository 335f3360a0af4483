/**
 * A Kubernetes API in memory, as faithful as the control plane can tell: docs/adr/0005-in-memory-cluster.md says what it
 * models and what not.
 *
 *   write ─▶ normalise ─▶ admission (pods, on creation) ─▶ merge ─▶ defaults, validation ─▶ store ─▶ answer
 *                                                                                             │ later, in order
 *                                                                              watch events ◀─┴─▶ garbage collection
 *
 * Between the reading of the live object and its replacement there is no await: each write is atomic.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { manager as ownManager } from '../../api/names.ts'
import type { Kind, KubeObject, ObjectKey } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'
import type { Cluster, Where } from '../../kube/cluster.ts'
import { createBackground } from './background.ts'
import { defaulted, forbiddenChanges, missingFields, normalised } from './core-kinds.ts'
import { copyOf, frozen } from './frozen.ts'
import { fateOf } from './garbage.ts'
import { keyOfObject, notFound } from './key.ts'
import { metadataProblems } from './metadata.ts'
import { refuseTaken, requireSame, requireUid, withName } from './preconditions.ts'
import { configurable, ownersAfterCreate, serverSideApply } from './server-side-apply.ts'
import type { Half } from './server-side-apply.ts'
import { createStore } from './store.ts'
import type { Entry } from './store.ts'
import { createWatchers, isWithin } from './watchers.ts'

/** The schema of a kind: the object with its defaults, or every sentence that speaks against it. */
export type Validator = (object: KubeObject) => { object: KubeObject } | { problems: string[] }

export interface InMemoryClusterOptions {
  /** Time of creation and deletion. */
  now: () => Date
  /** By kind. A kind that is not here is taken as it is. */
  validate?: Readonly<Record<string, Validator>>
  /** The mutating webhook of pods: asked on creation; what it throws refuses the pod. */
  admit?: (pod: KubeObject) => KubeObject | Promise<KubeObject>
  newUid?: () => string
}

export interface InMemoryCluster extends Cluster {
  /** The same cluster, written to by another field manager. */
  as(manager: string): InMemoryCluster
  /** Resolves when all watch events were handed over and the garbage collector is idle. */
  settled(): Promise<void>
}

export function createInMemoryCluster(options: InMemoryClusterOptions): InMemoryCluster {
  const { now, validate = {}, admit, newUid = randomUUID } = options
  const store = createStore()
  const background = createBackground()
  const watchers = createWatchers(background)

  /** Stores the next state of an object, or forgets it where its last finalizer went. */
  const write = (live: Entry | undefined, { object, managers }: Entry): KubeObject => {
    const { deletionTimestamp, finalizers = [] } = object.metadata
    const metadata = { ...object.metadata, resourceVersion: store.nextVersion() }
    const stored = frozen({ ...object, metadata })
    if (deletionTimestamp !== undefined && finalizers.length === 0) {
      store.remove(keyOfObject(stored))
      watchers.publish(stored, undefined)
      background.add(() => {
        for (const dependent of store.ownedBy(stored.metadata.uid ?? '')) collect(dependent)
      })
      return stored
    }
    store.put({ object: stored, managers })
    watchers.publish(live?.object, stored)
    if ((metadata.ownerReferences?.length ?? 0) > 0) {
      background.add(() => {
        const entry = store.byUid(metadata.uid ?? '')
        if (entry !== undefined) collect(entry)
      })
    }
    return stored
  }

  const remove = (live: Entry) => {
    if (live.object.metadata.deletionTimestamp !== undefined) return
    const metadata = { ...live.object.metadata, deletionTimestamp: timestamp(now()) }
    write(live, { ...live, object: { ...live.object, metadata } })
  }

  const collect = (live: Entry) => {
    const fate = fateOf(live.object, store)
    if (fate.kind === 'goes') remove(live)
    if (fate.kind === 'sheds') {
      const metadata = { ...live.object.metadata, ownerReferences: fate.remaining }
      write(live, { ...live, object: { ...live.object, metadata } })
    }
  }

  /** Defaults and every check; Invalid names all problems at once. */
  const checked = (object: KubeObject, before?: KubeObject): KubeObject => {
    const result = validate[object.kind]?.(object) ?? { object }
    const problems = [
      ...metadataProblems(object),
      ...missingFields(object),
      ...('problems' in result ? result.problems : []),
      ...(before === undefined ? [] : forbiddenChanges(before, defaulted(object))),
    ]
    if (problems.length > 0) {
      const { name, generateName } = object.metadata
      const subject = `${object.kind} "${name || (generateName ?? '')}"`
      throw new ClusterError('Invalid', `${subject} is invalid: ${problems.join('; ')}`)
    }
    return defaulted('object' in result ? copyOf(result.object) : object)
  }

  const admitted = async (object: KubeObject): Promise<KubeObject> =>
    object.kind === 'Pod' && admit !== undefined ? copyOf(await admit(copyOf(object))) : object

  /** A new object with what the server sets. */
  const insert = (object: KubeObject, managers: Entry['managers']): KubeObject => {
    const { uid: _, resourceVersion: __, ...given } = object.metadata
    const metadata = { ...given, uid: newUid(), creationTimestamp: timestamp(now()) }
    delete metadata.deletionTimestamp
    const { status: ___, ...rest } = checked({ ...object, metadata })
    const generation = hasGeneration(object) ? { generation: 1 } : {}
    const complete = { ...rest, metadata: { ...rest.metadata, ...generation } }
    const stored = write(undefined, { object: complete, managers })
    if (stored.kind === 'Event') forgetOldest(stored)
    return stored
  }

  /** Events expire after an hour in Kubernetes; here the oldest goes when there are too many. */
  const forgetOldest = (kind: Kind) => {
    const events = store.ofKind(kind)
    if (events.length <= maxEvents) return
    const [oldest] = events.toSorted((a, b) => versionOf(a) - versionOf(b))
    const live = oldest === undefined ? undefined : store.get(keyOfObject(oldest))
    if (live !== undefined) remove(live)
  }

  /** Replaces the live object unless the new state is the same; the generation follows all but metadata and status. */
  const replace = (live: Entry, next: Entry, half: Half): KubeObject => {
    const object = half === 'main' ? checked(next.object, live.object) : next.object
    const same = isDeepStrictEqual(object, live.object)
    if (same && isDeepStrictEqual(next.managers, live.managers)) return live.object
    const { generation } = live.object.metadata
    const grown = generation !== undefined && !sameSpec(object, live.object)
    const metadata = { ...object.metadata, ...(grown ? { generation: generation + 1 } : {}) }
    return write(live, { object: { ...object, metadata }, managers: next.managers })
  }

  const candidates = (kind: Kind, { namespace }: Where) =>
    namespace === undefined ? store.ofKind(kind) : store.ofNamespace(kind, namespace)

  const reader: Omit<Cluster, 'create' | 'apply' | 'applyStatus'> = {
    async get<T extends KubeObject>(key: ObjectKey) {
      return store.get(key)?.object as T | undefined
    },
    async list<T extends KubeObject>(kind: Kind, where: Where = {}) {
      return candidates(kind, where).filter((object) => isWithin(where, object)) as T[]
    },
    watch(kind, where, handler) {
      const existing = candidates(kind, where).filter((object) => isWithin(where, object))
      return watchers.add(kind, where, existing, handler)
    },
    async delete(key, { uid } = {}) {
      const live = store.get(key)
      if (live === undefined) return
      if (uid !== undefined) requireUid(live, uid)
      remove(live)
    },
  }

  const as = (manager: string): InMemoryCluster => ({
    ...reader,
    as,
    settled: () => background.settled(),

    async create<T extends KubeObject>(given: T) {
      const named = withName(normalised(copyOf(given) as KubeObject), newUid)
      if (named.metadata.resourceVersion !== undefined) {
        throw new ClusterError(
          'Invalid',
          'resourceVersion should not be set on objects to be created',
        )
      }
      refuseTaken(store.get(keyOfObject(named)))
      const object = await admitted(named)
      refuseTaken(store.get(keyOfObject(object)))
      return insert(object, ownersAfterCreate(named, manager)) as T
    },

    async apply<T extends KubeObject>(given: T) {
      const applied = normalised(copyOf(given) as KubeObject)
      const key = keyOfObject(applied)
      const { uid, resourceVersion } = applied.metadata
      const isNew = store.get(key) === undefined
      const object = isNew ? await admitted(applied) : applied
      const live = store.get(key)
      if (live !== undefined) {
        requireSame(live, applied)
        return replace(live, serverSideApply(live, applied, { manager, half: 'main' }), 'main') as T
      }
      if (uid !== undefined || resourceVersion !== undefined) {
        throw new ClusterError(
          'Conflict',
          `uid or resourceVersion mismatch: no ${key.kind} "${key.name}" was found`,
        )
      }
      const empty: Entry = { object, managers: new Map() }
      const { managers } = serverSideApply(empty, applied, { manager, half: 'main' })
      return insert(object, managers) as T
    },

    async applyStatus<T extends KubeObject>(given: T) {
      const applied = copyOf(given) as KubeObject
      const key = keyOfObject(applied)
      const live = store.get(key)
      if (live === undefined) throw notFound(key)
      requireSame(live, applied)
      return replace(
        live,
        serverSideApply(live, applied, { manager, half: 'status' }),
        'status',
      ) as T
    },
  })

  return as(ownManager)
}

const maxEvents = 1000

function versionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion)
}

function timestamp(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Core kinds do not count generations. */
function hasGeneration({ apiVersion }: KubeObject): boolean {
  return apiVersion !== 'v1'
}

function sameSpec(a: KubeObject, b: KubeObject): boolean {
  const [left, right] = [a, b].map((object) => ({ ...configurable(object), metadata: undefined }))
  return isDeepStrictEqual(left, right)
}
