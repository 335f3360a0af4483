/** Which namespaces' pods the API server sends to the webhook, and why others are not among them. */
import type { KubeObject } from '../api/objects.ts'
import type { KubeClock } from '../kube/clock.ts'
import {
  bundleIn,
  differingFields,
  entryIn,
  hostOf,
  namespacesIn,
  webhookEntry,
  type WebhookAddress,
} from './entry.ts'
import { certificatesOf, chainsTo, isFor } from './leaf.ts'
import { createListeners } from './listeners.ts'
import { propagationMs } from './propagation.ts'
import type { ServingIdentity } from './serving-identity.ts'

/** What the controller is told. */
export interface InjectionCoverage {
  /** A pod that is created there from now on is seen by the webhook. */
  covers: (namespace: string) => boolean
  /** Why not, in a sentence that says what to do; undefined where it is covered. */
  problem: (namespace: string) => string | undefined
  /** After an answer may have changed. The returned function ends it. */
  onChange: (listener: () => void) => () => void
}

/** An entry that refused or held up pods there could keep the cluster, or the operator itself, from starting. */
export const systemNamespaces = ['kube-system', 'kube-public', 'kube-node-lease']

/** Fields of the entry without which pods do not come, or not ours; the others are mended and uncover nothing. */
const deciding = ['clientConfig', 'matchPolicy', 'namespaceSelector', 'objectSelector', 'rules']

export interface Coverage extends InjectionCoverage {
  isExcluded(namespace: string): boolean
  /** What the API server has now; undefined where there is no such object. */
  take(configuration: KubeObject | undefined): void
  /** Answers count from now on. What stands by then stood before, and is covered at once. */
  begin(): void
  /** For the health endpoint. */
  message(): string
  stop(): void
}

export function createCoverage(options: {
  identity: ServingIdentity
  /** Of the configuration. */
  name: string
  address: WebhookAddress
  /** The operator's own. */
  namespace: string
  clock: KubeClock
}): Coverage {
  const { identity, name, address, namespace: own, clock } = options
  const excluded = new Set([...systemNamespaces, own])
  const listeners = createListeners()
  let live: KubeObject | undefined
  let begun = false
  let fault: string | undefined
  /** Namespace → since when the API server has it. */
  let since = new Map<string, number>()
  let timer: { cancel(): void } | undefined

  /** What keeps the whole entry from working. */
  const faultNow = (): string | undefined => {
    if (!begun) return 'The webhook configuration was not looked at yet.'
    if (live === undefined) {
      return `MutatingWebhookConfiguration ${name} is not there, so no pod is injected: the chart creates it, run helm upgrade.`
    }
    const leaf = identity.current
    if (leaf === undefined) {
      return 'The webhook has no certificate yet; see the Certificate in the namespace of the operator.'
    }
    const host = hostOf(address)
    if (!isFor(leaf, host)) {
      return `Expected the webhook's certificate to be good for ${host}, got ${leaf.certificate.subjectAltName ?? 'no names'}.`
    }
    const entry = entryIn(live)
    if (entry === undefined) return undefined
    const wanted = webhookEntry(namespacesIn(live), address, bundleIn(live))
    const fields = differingFields(wanted, entry).filter((field) => deciding.includes(field))
    if (fields.length > 0) {
      return `MutatingWebhookConfiguration ${name} was changed by someone else (${fields.join(', ')}); it is being mended.`
    }
    const conditions = entry['matchConditions']
    if (Array.isArray(conditions) && conditions.length > 0) {
      return `Someone else added matchConditions to MutatingWebhookConfiguration ${name}, so that pods are passed over: remove them with kubectl edit.`
    }
    if (!chainsTo(leaf, certificatesOf(bundleIn(live)), clock.now())) {
      return `caBundle of MutatingWebhookConfiguration ${name} does not trust the webhook's certificate yet.`
    }
    return undefined
  }

  const look = (first = false) => {
    const now = clock.now()
    fault = faultNow()
    const there = fault === undefined ? namespacesIn(live) : []
    since = new Map(
      there.map((each) => [each, since.get(each) ?? (first ? now - propagationMs : now)]),
    )
    timer?.cancel()
    const latest = Math.max(...since.values())
    if (latest + propagationMs > now) {
      timer = clock.setTimer(listeners.tell, latest + propagationMs - now)
    }
    listeners.tell()
  }
  const end = identity.onChange(() => look())

  const problem = (namespace: string): string | undefined => {
    if (excluded.has(namespace)) {
      const whose =
        namespace === own ? 'the namespace of the operator itself' : 'a system namespace'
      return `Pods of ${namespace}, ${whose}, are never injected: put the link and its pods into another namespace.`
    }
    if (fault !== undefined) return fault
    if (identity.current !== undefined && identity.current.notAfter <= clock.now()) {
      return `The webhook's certificate ended at ${identity.current.certificate.validTo}.`
    }
    const from = since.get(namespace)
    if (from !== undefined && clock.now() >= from + propagationMs) return undefined
    return `The API server does not send pods of ${namespace} to the webhook yet.`
  }
  fault = faultNow()

  return {
    isExcluded: (namespace) => excluded.has(namespace),
    covers: (namespace) => problem(namespace) === undefined,
    problem,
    onChange: listeners.add,
    take(configuration) {
      live = configuration
      if (begun) look()
    },
    begin() {
      begun = true
      look(true)
    },
    message: () => fault ?? `Pods of ${since.size} namespaces are sent to the webhook`,
    stop() {
      timer?.cancel()
      end()
    },
  }
}
