/**
 * The certificate with which the webhook serves: read through the API, not from a mount that lags, and changed while it
 * serves.
 *
 *   Secret has a leaf ─▶ nothing is served yet ───────────────────────────────▶ served
 *                     └▶ another is served: it waits until caBundle trusts it ─▶ served, after the time that API servers
 *                        └─ the one that is served is about to end ────────────▶ served    take to see a new caBundle
 *
 * So with a new CA the order is: the leader adds it to caBundle, each replica takes up its leaf, the old CA leaves later.
 */
import type { X509Certificate } from 'node:crypto'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { messageOf } from '../errors.ts'
import type { KubeClock } from '../kube/clock.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Checks } from '../telemetry/answers.ts'
import type { Log } from '../telemetry/log.ts'
import { bundleIn, configurationKind, entryIn } from './entry.ts'
import { certificatesOf, chainsTo, leafOf, type Leaf } from './leaf.ts'
import { createListeners } from './listeners.ts'
import { propagationMs } from './propagation.ts'

export interface ServingIdentity {
  /** What is served; undefined until the Secret was there. */
  readonly current: Leaf | undefined
  /** What will be served once it is trusted. */
  readonly next: Leaf | undefined
  /** Resolves once the Secret and the webhook configuration were looked at, be they there or not. */
  loaded: Promise<void>
  /** After `current` or `next` changed. The returned function ends it. */
  onChange: (listener: () => void) => () => void
  /** Looks at the Secret at once. */
  refresh(): void
  checks: Checks
  stop(): void
}

export interface ServingIdentityOptions {
  cluster: Cluster
  /** The Secret's: tls.crt, tls.key, ca.crt. */
  key: Pick<ObjectKey, 'name'> & { namespace: string }
  /** Name of the MutatingWebhookConfiguration. */
  configuration: string
  clock: KubeClock
  log: Log
}

/** A leaf that ends within this is replaced, trusted or not. */
const lastMomentMs = 10 * 60_000
/** Timers of Node hold no more than 24 days; so long we look again. */
const longestTimerMs = 60 * 60_000

export function openServingIdentity(options: ServingIdentityOptions): ServingIdentity {
  const { cluster, key, configuration, clock, log } = options
  const place = `${key.namespace}/${key.name}`
  const listeners = createListeners()
  let current: Leaf | undefined
  let next: Leaf | undefined
  let problem: string | undefined = `Secret ${place} was not looked at yet`
  let wasSeen = false
  let hasEntry = false
  let bundle: X509Certificate[] = []
  let trustedSince: number | undefined
  let timer: { cancel(): void } | undefined

  const takeUp = (leaf: Leaf, why: string): undefined => {
    const { subjectAltName: names = '', validTo } = leaf.certificate
    log.info({ secret: place, names, validTo }, `The webhook serves with a new certificate: ${why}`)
    current = leaf
    next = undefined
    trustedSince = undefined
  }

  /** When to look again, in ms; undefined when there is nothing to wait for. */
  const advance = (now: number): number | undefined => {
    if (next === undefined) return undefined
    if (current === undefined) return takeUp(next, 'nothing was served before')
    const left = current.notAfter - lastMomentMs - now
    if (left <= 0) return takeUp(next, 'the one before is about to end')
    if (!chainsTo(next, bundle, now)) {
      trustedSince = undefined
      return left
    }
    trustedSince ??= now
    const wait = trustedSince + propagationMs - now
    if (wait <= 0) return takeUp(next, 'caBundle trusts it')
    return Math.min(left, wait)
  }

  /** Changes what is known, then goes on as far as it allows. */
  const look = (change: () => void = () => undefined) => {
    const before = [current, next]
    change()
    timer?.cancel()
    const waitMs = advance(clock.now())
    if (waitMs !== undefined) {
      timer = clock.setTimer(() => look(), Math.min(waitMs, longestTimerMs))
    }
    if (before[0] !== current || before[1] !== next) listeners.tell()
  }

  const onSecret = (secret: KubeObject | undefined) => {
    wasSeen = true
    if (secret === undefined) {
      setProblem(`Secret ${place} is not there: its Certificate writes it`)
      return
    }
    try {
      const leaf = leafOf(secret, clock.now())
      setProblem(undefined)
      if (leaf.digest === (next ?? current)?.digest) return
      look(() => {
        // What waited is withdrawn where the Secret goes back to what is served.
        next = leaf.digest === current?.digest ? undefined : leaf
        trustedSince = undefined
      })
    } catch (error) {
      setProblem(messageOf(error))
    }
  }

  const setProblem = (found: string | undefined) => {
    if (found === problem) return
    problem = found
    if (found === undefined) return
    const kept = current === undefined ? 'nothing is served' : 'what was served before stays'
    log.warn({ secret: place }, `The webhook's certificate cannot be taken, so ${kept}: ${found}`)
  }

  const secret = cluster.watch({ apiVersion: 'v1', kind: 'Secret' }, key, ({ type, object }) =>
    onSecret(type === 'DELETED' ? undefined : object),
  )
  const trust = cluster.watch(configurationKind, { name: configuration }, ({ type, object }) => {
    const found = type === 'DELETED' ? undefined : object
    look(() => {
      hasEntry = entryIn(found) !== undefined
      bundle = certificatesOf(bundleIn(found))
    })
  })

  const loaded = Promise.all([secret.synced, trust.synced]).then(() => {
    if (!wasSeen) onSecret(undefined)
  })

  return {
    get current() {
      return current
    },
    get next() {
      return next
    },
    loaded,
    onChange: listeners.add,
    refresh: () => secret.refresh(),
    checks: {
      live: {},
      ready: {
        'webhook certificate': () => {
          if (current === undefined) {
            return { ok: false, message: `The webhook has no certificate: ${problem}` }
          }
          const now = clock.now()
          if (current.notAfter <= now) {
            const ended = `The webhook's certificate ended at ${current.certificate.validTo}`
            return { ok: false, message: problem === undefined ? ended : `${ended}; ${problem}` }
          }
          // The API server would refuse our certificate; another replica's may be good.
          if (hasEntry && !chainsTo(current, bundle, now)) {
            const message = `caBundle of MutatingWebhookConfiguration ${configuration} does not trust the webhook's certificate; the leader mends that`
            return { ok: false, message }
          }
          const valid = `The webhook's certificate is valid until ${current.certificate.validTo}`
          return { ok: true, message: problem === undefined ? valid : `${valid}; ${problem}` }
        },
      },
    },
    stop() {
      timer?.cancel()
      secret.stop()
      trust.stop()
    },
  }
}
