/**
 * One look at one link:
 *
 *   observe ─▶ accepted? ─▶ discover ─▶ desired ─────▶ plan ─▶ apply ─▶ restarts ─▶ verdict ─▶ status, events
 *                  │ no                                ▲
 *                  └─▶ discover ─▶ what stands ────────┘
 *
 * Everything is looked at anew, nothing is remembered from the last time but what sidecars said, what
 * they mount, and what is the same for the same text. The
 * verdict speaks of the objects as they are after the writing, so that the watches' report of that needs no further look.
 */
import { isDeepStrictEqual } from 'node:util'
import type { LogstashLinkStatus } from '../api/link.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { Observed, SidecarSample } from '../api/observed.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { desiredObjects } from '../desired/desired-objects.ts'
import { whileNotAccepted } from '../desired/not-accepted.ts'
import { discoverHosts } from '../discovery/discover-hosts.ts'
import { trustBundle } from '../discovery/trust-bundle.ts'
import { TransientError } from '../errors.ts'
import type { Cluster } from '../kube/cluster.ts'
import { plan } from '../plan/plan.ts'
import { checkAccepted, mayApply } from '../verdict/accepted.ts'
import { verdict } from '../verdict/verdict.ts'
import type { VerdictInput } from '../verdict/verdict.ts'
import { applyPlan } from './apply-plan.ts'
import type { Applied } from './apply-plan.ts'
import { kinds } from './kinds.ts'
import { linkKeyText } from './link-key.ts'
import type { LinkKey } from './link-key.ts'
import { observe } from './observe.ts'
import type { Observation } from './observe.ts'
import type { Memory } from './memory.ts'
import type { EventRecorder } from './record-events.ts'
import type { Restarter } from './rollout.ts'
import type { View } from './view.ts'

export interface ReconcileDeps {
  cluster: Cluster
  view: View
  memory: Memory
  /** What keeps new pods of a namespace from getting sidecars. */
  webhookProblem: (namespace: string) => string | undefined
  options: OperatorOptions
  /** RFC 3339. */
  now: () => string
  newPassword: () => string
  samples: (link: string) => SidecarSample[]
  events: EventRecorder
  restarter: Pick<Restarter, 'look'>
  /** Told of each look, with what was written: for samples and nudges. */
  looked: (link: string, observation: Observation, written: Applied['written']) => void
}

/** `gone`: the link does not exist; its objects are the garbage collector's affair. */
export type Reconciled = 'gone' | { againAfterMs?: number }

/** Rejects with a TransientError or a ClusterError where it is to be tried again. */
export async function reconcile(key: LinkKey, given: ReconcileDeps): Promise<Reconciled> {
  const link = linkKeyText(key)
  const deps = { ...given, cluster: toldOf(link, given) }
  const webhook = deps.webhookProblem(key.namespace)
  const observation = await observe({ ...deps, secrets: deps.memory.secrets }, key, {
    samples: deps.samples(link),
    now: deps.now(),
    ...(webhook === undefined ? {} : { webhook }),
  })
  if (observation === undefined) return 'gone'
  const before = observation.observed
  const specProblems = deps.memory.specProblems(before.link)
  const { findings, written, removed, failures } = mayApply(checkAccepted(before, { specProblems }))
    ? await bringAbout(before, deps)
    : await carryOn(before, deps)
  for (const object of removed) deps.view.removed(object)
  const observed = { ...before, objects: standingAfter(before, { written, removed }) }
  deps.view.setTaken(link, takenOf(findings.conflicts ?? []))
  deps.looked(link, { ...observation, observed }, written)
  const restarts = await deps.restarter.look(observed, findings)
  const { status, events, requeueAfterMs } = verdict({
    observed,
    ...findings,
    specProblems,
    restarts: restarts.findings,
  })
  await writeStatus(observed, status, deps)
  await deps.events.record(observed.link, [...restarts.events, ...events])
  const [failure] = failures
  if (failure !== undefined) {
    throw new TransientError('LSL_WRITE_FAILED', [failures.length, failure.message], {
      cause: failure,
    })
  }
  const times = [requeueAfterMs, restarts.againAfterMs].filter((time) => time !== undefined)
  return times.length === 0 ? {} : { againAfterMs: Math.min(...times) }
}

/** The same cluster; what is written is known as written for this link. */
function toldOf(link: string, { cluster, view }: Pick<ReconcileDeps, 'cluster' | 'view'>): Cluster {
  return {
    ...cluster,
    create: (object) => view.writing(link, object, () => cluster.create(object)),
    apply: (object) => view.writing(link, object, () => cluster.apply(object)),
    applyStatus: (object) => view.writing(link, object, () => cluster.applyStatus(object)),
  }
}

interface Done extends Pick<Applied, 'written' | 'removed' | 'failures'> {
  findings: Omit<VerdictInput, 'observed'>
}

/** From discovery to the cluster. */
async function bringAbout(
  observed: Observed,
  { cluster, memory, options, newPassword }: ReconcileDeps,
): Promise<Done> {
  const hosts = discoverHosts(observed)
  const trust = trustBundle(observed, memory.certificates)
  const desired = desiredObjects({
    observed,
    hosts: hosts.file,
    trustBundle: trust.pem,
    options,
    newPassword: newPassword(),
  })
  const { findings, ...done } = await write(observed, desired, cluster)
  return { ...done, findings: { ...findings, hosts, trust } }
}

/** A spec that is not accepted changes nothing; hosts and trust of sidecars that run by an earlier one go on. */
async function carryOn(observed: Observed, { cluster, memory }: ReconcileDeps): Promise<Done> {
  const { uid = '' } = observed.link.metadata
  if (!observed.objects.some((object) => isOwnedBy(object, uid))) {
    return { findings: {}, written: [], removed: [], failures: [] }
  }
  const isListed = observed.link.spec.receiver.hosts !== undefined
  const hosts = isListed ? undefined : discoverHosts(observed)
  const trust = trustBundle(observed, memory.certificates)
  const desired = whileNotAccepted(observed, {
    ...(hosts === undefined ? {} : { hosts: hosts.file }),
    ...(trust.problem === undefined ? { trustBundle: trust.pem } : {}),
  })
  const { findings, ...done } = await write(observed, desired, cluster)
  return {
    ...done,
    findings: { ...findings, trust, ...(hosts === undefined ? {} : { hosts }) },
  }
}

async function write(
  { link, objects }: Observed,
  desired: readonly KubeObject[],
  cluster: Cluster,
): Promise<Done> {
  const owner = { uid: link.metadata.uid ?? '' }
  const changes = plan({ current: objects, desired, owner })
  const { conflicts, refused, ...done } = await applyPlan(cluster, changes, link.metadata)
  const findings = {
    conflicts: [...changes.conflicts, ...conflicts],
    oversized: changes.oversized,
    refused,
  }
  return { findings, ...done }
}

function standingAfter(
  { objects }: Observed,
  { written, removed }: Pick<Done, 'written' | 'removed'>,
): KubeObject[] {
  if (written.length === 0 && removed.length === 0) return objects
  const standing = new Map(
    objects.map((object) => [`${object.kind} ${object.metadata.name}`, object]),
  )
  for (const { kind, metadata, ...rest } of written) {
    // Of a Secret no value goes to the pure rooms.
    const { data, ...shell } = rest as KubeObject
    const kept = kind === kinds.secret.kind ? shell : { ...shell, data }
    standing.set(`${kind} ${metadata.name}`, { ...kept, kind, metadata })
  }
  for (const { kind, name } of removed) standing.delete(`${kind} ${name}`)
  return [...standing.values()]
}

/** Of Secrets nothing more is to be watched than what is watched already. */
function takenOf(conflicts: readonly { key: ObjectKey }[]): ObjectKey[] {
  return conflicts.map(({ key }) => key).filter(({ kind }) => kind !== kinds.secret.kind)
}

/** Nothing is written when nothing changed. With the uid, so that a new link of this name does not get it. */
async function writeStatus(
  { link }: Observed,
  status: LogstashLinkStatus,
  { cluster }: Pick<ReconcileDeps, 'cluster'>,
): Promise<void> {
  if (isDeepStrictEqual(status, link.status)) return
  const { apiVersion, kind, metadata } = link
  const { name, namespace = '', uid = '' } = metadata
  const key = { name, namespace, uid }
  await cluster.applyStatus({ apiVersion, kind, metadata: key, status })
}
