/**
 * Keeps our entry of the MutatingWebhookConfiguration: the leader's work. The chart creates the object, the operator may only
 * change it, so an apply always carries the uid that was seen.
 *
 *   links, certificate, configuration change ─▶ (200 ms) ─▶ wanted entry ─▶ apply, unless it stands ─▶ what the API server
 *                                    ▲                                        │ failed, or someone      answered says which
 *                                    └───────── later and later ──────────────┘ changed it again        namespaces it covers
 */
import type { KubeObject } from '../api/objects.ts'
import { messageOf } from '../errors.ts'
import type { KubeClock } from '../kube/clock.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import {
  annotationOf,
  bundleOf,
  knownAuthorities,
  nextAuthorities,
  type Authorities,
} from './authorities.ts'
import { createCoverage, type InjectionCoverage } from './coverage.ts'
import {
  authoritiesAnnotation,
  bundleIn,
  configurationKind,
  differingFields,
  entryIn,
  webhookEntry,
  type WebhookAddress,
} from './entry.ts'
import { certificatesOf } from './leaf.ts'
import type { LinkIndex } from './link-index.ts'
import type { ServingIdentity } from './serving-identity.ts'

export interface WebhookConfigurationKeeper extends InjectionCoverage {
  /** Resolves once `covers` can be believed: links, certificate and configuration were looked at. */
  synced: Promise<void>
  checks: Checks
  stop(): void
}

export interface KeeperOptions {
  cluster: Cluster
  links: LinkIndex
  identity: ServingIdentity
  /** Of the MutatingWebhookConfiguration. */
  name: string
  clientConfig: WebhookAddress
  /** The operator's own, whose pods are never injected. */
  namespace: string
  clock: KubeClock
  log: Log
}

/** Namespaces come in heaps: a heap is one write. */
const coalesceMs = 200
const longestDelayMs = 30_000
/** So long without another fault, and the next one counts as the first. */
const calmMs = 60_000
/** CAs go by time. */
const tickMs = 10 * 60_000

interface Wanted {
  authorities: Authorities
  object: KubeObject
}

export function keepWebhookConfiguration(options: KeeperOptions): WebhookConfigurationKeeper {
  const { cluster, links, identity, name, clientConfig, namespace, clock, log } = options
  const coverage = createCoverage({ identity, name, address: clientConfig, namespace, clock })
  let live: KubeObject | undefined
  let known: Authorities | undefined
  let ready = false
  let stopped = false
  let running = false
  let again = false
  let timer: { cancel(): void } | undefined
  /** Faults that followed each other, and the last of them. */
  let faults = { count: 0, at: 0 }
  let failure: string | undefined

  /** Undefined while it cannot be known: an entry that is there stays as it is. */
  const wantedNow = (): Wanted | undefined => {
    if (!ready || live === undefined) return undefined
    const namespaces = links.namespaces().filter((each) => !coverage.isExcluded(each))
    const needed = [identity.current, identity.next].flatMap((leaf) => leaf?.authority ?? [])
    if (namespaces.length > 0 && needed.length === 0) return undefined
    known ??= knownAuthorities(
      certificatesOf(bundleIn(live)),
      live.metadata.annotations?.[authoritiesAnnotation],
    )
    const authorities = nextAuthorities(known, needed, clock.now())
    const { uid } = live.metadata
    const annotations = { [authoritiesAnnotation]: annotationOf(authorities) }
    const entries =
      namespaces.length === 0 ? [] : [webhookEntry(namespaces, clientConfig, bundleOf(authorities))]
    return {
      authorities,
      object: {
        ...configurationKind,
        metadata: {
          name,
          ...(uid === undefined ? {} : { uid }),
          ...(entries.length === 0 ? {} : { annotations }),
        },
        webhooks: entries,
      },
    }
  }

  const recovered = () => {
    if (failure !== undefined)
      log.info({ name }, 'The webhook configuration is as it should be again')
    failure = undefined
  }

  const write = async (): Promise<void> => {
    const wanted = wantedNow()
    if (wanted === undefined) return
    known = wanted.authorities
    // Also where an apply went through whose answer was lost.
    if (stands(wanted.object, live)) return recovered()
    const answer = await cluster.apply(wanted.object)
    recovered()
    const namespaces = links.namespaces().length
    log.info({ name, namespaces, authorities: known.size }, 'The webhook configuration was written')
    take(answer)
  }

  const run = async (): Promise<void> => {
    if (running) {
      again = true
      return
    }
    running = true
    try {
      await write()
    } catch (error) {
      const message = messageOf(error)
      if (message !== failure) {
        log.warn({ name, err: error }, `The webhook configuration cannot be written: ${message}`)
      }
      failure = message
      fault()
      again = true
    }
    running = false
    if (again) schedule()
    again = false
  }

  const schedule = () => {
    if (timer !== undefined || stopped) return
    const delay = Math.min(coalesceMs * 2 ** faults.count, longestDelayMs)
    timer = clock.setTimer(() => {
      timer = undefined
      void run()
    }, delay)
  }

  const fault = () => {
    const now = clock.now()
    faults = { count: now - faults.at < calmMs ? faults.count + 1 : 1, at: now }
  }

  const take = (object: KubeObject | undefined) => {
    live = object
    coverage.take(object)
  }

  const subscription = cluster.watch(configurationKind, { name }, ({ type, object }) => {
    if (type === 'DELETED') {
      log.warn({ name }, 'The webhook configuration is gone: no pod is injected until it is back')
      take(undefined)
      return
    }
    if (isOlder(object, live)) return
    const stood = live !== undefined && stands(wantedNow()?.object, live)
    take(object)
    if (stood && !stands(wantedNow()?.object, object)) {
      fault()
      log.warn({ name }, 'Someone else changed the webhook configuration; it is written again')
    }
    schedule()
  })

  const synced = Promise.all([subscription.synced, links.synced, identity.loaded]).then(() => {
    ready = true
    coverage.begin()
    schedule()
  })
  const ends = [links.onChange(schedule), identity.onChange(schedule)]
  let tick: { cancel(): void } | undefined
  const onTick = () => {
    schedule()
    tick = clock.setTimer(onTick, tickMs)
  }
  onTick()

  return {
    covers: coverage.covers,
    problem: coverage.problem,
    onChange: coverage.onChange,
    synced,
    checks: {
      live: {},
      ready: {
        // Told, but no reason to take the replica out of its Service: it serves all the same.
        'webhook configuration': () => ({
          ok: true,
          message:
            failure === undefined
              ? coverage.message()
              : `${coverage.message()}; it cannot be written: ${failure}`,
        }),
      },
    },
    stop() {
      stopped = true
      timer?.cancel()
      tick?.cancel()
      subscription.stop()
      for (const end of ends) end()
      coverage.stop()
    },
  }
}

/** Whether what is wanted is there; what others added beside it is theirs. */
function stands(wanted: KubeObject | undefined, live: KubeObject | undefined): boolean {
  if (wanted === undefined) return true
  const [entry, found] = [entryIn(wanted), entryIn(live)]
  if (entry === undefined) return found === undefined
  const noted = live?.metadata.annotations?.[authoritiesAnnotation]
  return (
    noted === wanted.metadata.annotations?.[authoritiesAnnotation] &&
    differingFields(entry, found).length === 0
  )
}

/** Our own answer may overtake the watch. */
function isOlder(object: KubeObject, live: KubeObject | undefined): boolean {
  if (live === undefined || live.metadata.uid !== object.metadata.uid) return false
  return Number(object.metadata.resourceVersion) < Number(live.metadata.resourceVersion)
}
