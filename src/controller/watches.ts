/**
 * Watches → keys, and what the watches show, by link. Handlers only keep what they were shown and put keys on the queue.
 *
 *  what                                          | where
 *  ----------------------------------------------+------------------------------------------------------------
 *  links                                         | everywhere
 *  Services, ConfigMaps, Certificates of ours    | everywhere, by label
 *  pods with a sidecar                           | everywhere, by label, reduced
 *  pods without, their metadata alone            | in each namespace with links
 *  EndpointSlices                                | in each namespace with links
 *  Secrets, a Service of others, a name taken    | each by its name, while a link needs it
 *  nodes, their metadata alone                   | while a link prefers its zone
 */
import { isDeepStrictEqual } from 'node:util'
import type { LogstashLink } from '../api/link.ts'
import { certificateKind, labels, manager } from '../api/names.ts'
import type { Kind, KubeObject, ObjectKey } from '../api/objects.ts'
import { keyOf } from '../api/objects.ts'
import type { EndpointSlice } from '../api/observed.ts'
import type { Cluster, Subscription, WatchEvent } from '../kube/cluster.ts'
import type { Clock, Timer } from './clock.ts'
import { namedObjects } from './concerns.ts'
import { kinds, zoneLabel } from './kinds.ts'
import { createLinkIndex } from './link-index.ts'
import { createNamedWatches } from './named-watches.ts'
import { createPodIndex } from './pod-index.ts'
import { reducedPod, reducedSlice } from './reduced.ts'
import { createSliceIndex } from './slice-index.ts'
import { createStanding } from './standing.ts'
import type { View } from './view.ts'

export interface WatchesOptions {
  cluster: Cluster
  clock: Clock
  /** Look at this link now. */
  enqueue: (key: string) => void
  /** Look at this link soon; several of these become one. */
  enqueueSoon: (key: string) => void
}

export interface Watches {
  /** Resolves once all that existed at the start was seen. */
  start(): Promise<void>
  /** Links that exist. */
  links(): number
  /** Namespaces with links, and the links in each. */
  namespaces(): [string, string[]][]
  view: View
  stop(): void
}

const ours = { matchLabels: { [labels.managedBy]: manager } }
const injected = { matchLabels: { [labels.injected]: 'true' } }
const notInjected = { matchExpressions: [{ key: labels.injected, operator: 'DoesNotExist' }] }
const notFinished = 'status.phase!=Succeeded,status.phase!=Failed'
/** So many names that others have taken are watched; of any more the next look tells. */
const maxTaken = 100
/** So long is waited for what can also be read when it is needed. */
const patienceMs = 15_000

export function createWatches({ cluster, clock, enqueue, enqueueSoon }: WatchesOptions): Watches {
  const links = createLinkIndex()
  const pods = createPodIndex(links)
  const slices = createSliceIndex()
  const standing = createStanding()
  const taken = new Map<string, ObjectKey[]>()
  const zones = new Map<string, string>()
  const preferring = new Set<string>()
  const scopes = new Map<string, Subscription[]>()
  const everywhere: Subscription[] = []
  let nodes: Subscription | undefined
  let stopped = false
  let ready = false
  /** Links around which all was seen. To look at another would mean to take what was not seen yet for gone. */
  const surveyed = new Set<string>()

  const enqueueAll = (keys: Iterable<string>) => {
    for (const key of keys) if (surveyed.has(key)) enqueue(key)
  }

  const onObject = ({ type, object }: WatchEvent) => {
    if (type === 'DELETED') standing.gone(object)
    else standing.seen(object)
    if (object.kind === certificateKind.kind) onCertificate(object)
    const changed = () => enqueueAll(links.near(object))
    if (type === 'DELETED') changed()
    else standing.unlessEcho(object, changed)
  }

  /** What cert-manager says of a Certificate goes with what it writes into the Secret. */
  const onCertificate = ({ metadata, spec }: KubeObject) => {
    const { secretName } = (spec ?? {}) as { secretName?: string }
    const { namespace = '' } = metadata
    if (secretName !== undefined) named.refresh({ ...kinds.secret, namespace, name: secretName })
  }

  const named = createNamedWatches(cluster, ({ object }) => enqueueAll(links.near(object)))

  const onPod =
    (source: string) =>
    ({ type, object }: WatchEvent) => {
      enqueueAll(type === 'DELETED' ? pods.remove(source, object) : pods.put(source, object))
    }

  const onSlice = ({ type, object }: WatchEvent) => {
    const slice = object as EndpointSlice
    if (type === 'DELETED') {
      slices.remove(slice)
      enqueueAll(links.near(slice))
      return
    }
    const change = slices.put(slice)
    if (change === undefined) return
    enqueueAll(links.near(slice))
    // A slice that is given to another Service leaves the one that it had.
    if (change.before !== undefined) enqueueAll(links.near(change.before))
  }

  const onNode = ({ type, object }: WatchEvent) => {
    const { name, labels: has } = object.metadata
    const zone = type === 'DELETED' ? undefined : has?.[zoneLabel]
    if (zones.get(name) === zone) return
    if (zone === undefined) zones.delete(name)
    else zones.set(name, zone)
    for (const key of preferring) if (surveyed.has(key)) enqueueSoon(key)
  }

  /** What is to be seen for a link. Resolves once it was, as far as it cannot be read when it is needed. */
  const lookAround = async (key: string): Promise<void> => {
    const link = links.get(key)
    if (!ready || stopped) return
    if (link?.spec.balancing.preferSameZone === true) preferring.add(key)
    else preferring.delete(key)
    const keys = link === undefined ? [] : [...namedObjects(link), ...(taken.get(key) ?? [])]
    const readable = Promise.all([named.need(key, keys), watchNodes()])
    await Promise.all([watchNamespace(link?.metadata.namespace), atMost(readable)])
  }

  /** Without cert-manager there are no Certificates to watch, and what may not be read is never seen: others are not to wait. */
  const atMost = async (synced: Promise<unknown>) => {
    let timer: Timer | undefined
    const patience = new Promise<void>((resolve) => {
      timer = clock.setTimer(resolve, patienceMs)
    })
    await Promise.race([synced, patience])
    timer?.cancel()
  }

  const watchNodes = async () => {
    if (preferring.size > 0) {
      nodes ??= cluster.watch(kinds.node, { metadataOnly: true }, onNode)
    } else if (nodes !== undefined) {
      nodes.stop()
      nodes = undefined
      zones.clear()
    }
    await nodes?.synced
  }

  const watchNamespace = async (namespace: string | undefined) => {
    if (namespace === undefined) return
    const reduce = reducedPod
    const scope = scopes.get(namespace) ?? [
      cluster.watch(
        kinds.pod,
        {
          namespace,
          selector: notInjected,
          fieldSelector: notFinished,
          metadataOnly: true,
          reduce,
        },
        onPod('without'),
      ),
      cluster.watch(kinds.endpointSlice, { namespace, reduce: reducedSlice }, onSlice),
    ]
    scopes.set(namespace, scope)
    await Promise.all(scope.map(({ synced }) => synced))
  }

  const leaveNamespace = (namespace: string) => {
    if (links.inNamespace(namespace).length > 0) return
    for (const subscription of scopes.get(namespace) ?? []) subscription.stop()
    scopes.delete(namespace)
    pods.dropAll('without', namespace)
    slices.dropAll(namespace)
  }

  const onLink = ({ type, object }: WatchEvent) => {
    const key = keyOf(object)
    const { namespace = '' } = object.metadata
    const isNew = type !== 'DELETED' && links.get(key) === undefined
    const before = type === 'DELETED' ? links.get(key) : links.put(object as LogstashLink)
    if (type === 'DELETED') {
      links.remove(key)
      surveyed.delete(key)
      standing.gone(object)
      pods.forget(key)
      taken.delete(key)
      void lookAround(key)
      leaveNamespace(namespace)
      enqueue(key)
    } else {
      if (isNoOtherThan(before, object)) {
        standing.unlessEcho(object, () => enqueueAll([key]))
        return
      }
      if (before?.metadata.generation !== object.metadata.generation || isNew) {
        pods.track(key, object as LogstashLink)
        void survey(key)
      } else enqueueAll([key])
    }
    if (type !== 'DELETED' && before?.metadata.generation === object.metadata.generation) return
    // Links of one namespace compete for ports and names.
    for (const other of links.inNamespace(namespace)) {
      if (other !== key && surveyed.has(other)) enqueueSoon(other)
    }
  }

  /** Looks at a link once all around it was seen, so that the look asks the cluster for nothing. */
  const survey = async (key: string) => {
    if (!ready) return
    await lookAround(key)
    if (stopped || links.get(key) === undefined) return
    surveyed.add(key)
    enqueue(key)
  }

  const watchOurs = (kind: Kind) => cluster.watch(kind, { selector: ours }, onObject)

  const start = async () => {
    const allLinks = cluster.watch(kinds.link, {}, onLink)
    everywhere.push(allLinks)
    // Links first: pods and objects are then known by them as they come.
    await allLinks.synced
    if (stopped) return
    const reduce = reducedPod
    everywhere.push(
      ...[kinds.service, kinds.configMap].map(watchOurs),
      cluster.watch(kinds.pod, { selector: injected, reduce }, onPod('injected')),
    )
    await Promise.all(everywhere.map(({ synced }) => synced))
    const certificates = watchOurs(certificateKind)
    everywhere.push(certificates)
    await atMost(certificates.synced)
    ready = true
    await Promise.all([...links.all()].map(([key]) => survey(key)))
  }

  return {
    start,
    links: () => links.size(),
    namespaces: () => [...links.namespaces()].map((each) => [each, links.inNamespace(each)]),
    view: {
      pods: pods.of,
      slices: slices.of,
      standing: standing.of,
      taken: (key) => taken.get(key) ?? [],
      zones: () => Object.fromEntries(zones),
      writing: standing.writing,
      removed: ({ apiVersion, kind, name, namespace = '' }) =>
        standing.gone({ apiVersion, kind, metadata: { name, namespace } }),
      setTaken(key, keys) {
        const before = taken.get(key) ?? []
        if (isDeepStrictEqual(before, keys)) return
        if (keys.length === 0) taken.delete(key)
        else if (before.length > 0 || taken.size < maxTaken) taken.set(key, [...keys])
        void lookAround(key)
      },
    },
    stop() {
      stopped = true
      const all = [...everywhere, ...scopes.values(), nodes].flat()
      for (const subscription of all) subscription?.stop()
      named.stop()
    },
  }
}

/** At most its status, labels or annotations are new. */
function isNoOtherThan(before: KubeObject | undefined, object: KubeObject): boolean {
  return (
    before !== undefined &&
    before.metadata.uid === object.metadata.uid &&
    before.metadata.generation === object.metadata.generation &&
    before.metadata.deletionTimestamp === object.metadata.deletionTimestamp
  )
}
