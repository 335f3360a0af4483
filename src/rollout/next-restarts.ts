/**
 * Which workload of a link is to be restarted now, so that its pods come anew and with their sidecars. One at a time, and
 * never twice for what one link wants: the template's annotation says for which hash it was done.
 *
 *  pods lack   | annotation has | its rollout | the template's   |
 *  a sidecar   | this hash      | is          | pods would get   | then
 *  ------------+----------------+-------------+------------------+------------------------------------------------
 *  yes or no   | yes            | under way   | -                | all others wait for it
 *  yes or no   | yes            | failed      | -                | told; all others wait until someone mends it
 *  yes         | yes            | through     | -                | told: in vain, not done again
 *  yes         | no             | held        | -                | told: paused, OnDelete or partitioned
 *  yes         | no             | under way   | -                | it waits, for pods that are not ready or come anew
 *  yes         | no             | failed      | -                | told: its own rollout failed
 *  yes         | no             | through     | no               | told: with the reason
 *  yes         | no             | through     | yes, seen just now | it waits until webhooks know the link, too
 *  yes         | no             | through     | yes              | the first by name is restarted, the others wait
 *  yes         | there is no workload that is ours to restart   | told
 *  no          | no             | -           | -                | nothing
 *
 * A held workload that has the hash counts as through: nobody waits for what a person holds.
 */
import { injectionHash } from '../api/injection.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Role } from '../api/names.ts'
import type { ObservedPod } from '../api/observed.ts'
import { lackingRoles } from './lacking.ts'
import type { Progress } from './progress.ts'
import { wantKey, type Wants } from './wants.ts'

/** A Deployment, StatefulSet or DaemonSet as it is in the cluster now. */
export interface Workload {
  /** `Deployment/web`, as pods name it. */
  name: string
  uid: string
  progress: Progress
  /** What all links want of its template's pods. */
  wants: Wants
  /** For what it was last restarted. */
  restartedFor: Wants
  /** Roles of the link that a new pod of the template would not get, each with a sentence that says why. */
  leftOut: Partial<Record<Role, string>>
  /** How long its pods have been lacking what is wanted now, ms. */
  lackingForMs: number
}

export interface RolloutInput {
  link: LogstashLink
  pods: readonly ObservedPod[]
  /** Those that exist among the workloads of the pods. */
  workloads: readonly Workload[]
  /** The limit of restarts of all links together leaves room for one. */
  mayRestart: boolean
}

export interface Rollout {
  /** The name of the workload whose turn it is. */
  restart?: string
  /** Names of workloads that are restarted later. */
  waiting: string[]
  /** Of those that were restarted and got stuck. */
  failed: string[]
  /** Sentences for the conditions, sorted. */
  findings: string[]
  /** Undefined where nothing lacks. */
  requeueAfterMs?: number
}

/** Every replica of the webhook, and what of the pods was seen, is as new as the link by then. */
export const settleMs = 5000
/** Nobody tells when a workload changes: one that we restarted is looked at so often. */
const underWayMs = 2000
/** Others that are not through. */
const busyMs = 10_000
/** What only a person mends. */
const mendedMs = 30_000
/** A condition names so many. */
const shown = 5

export function nextRestarts(input: RolloutInput): Rollout {
  const groups = sorted(input)
  if (groups === undefined) return { waiting: [], failed: [], findings: [] }
  const { stuck, underWay, candidates } = groups
  const isFree = input.mayRestart && stuck.length + underWay.length === 0
  const next = isFree ? candidates.find(isDue) : undefined
  const waiting = candidates.filter((each) => each !== next)
  const restarting = [...underWay, ...(next === undefined ? [] : [next])]
  return {
    ...(next === undefined ? {} : { restart: next.name }),
    waiting: waiting.map(({ name }) => name),
    failed: stuck.map(({ name }) => name),
    findings: sentences({ ...groups, restarting, waiting }).toSorted(),
    requeueAfterMs: Math.min(
      mendedMs,
      ...(restarting.length > 0 ? [underWayMs] : []),
      ...candidates
        .map((each) => (isThrough(each) ? settleMs - each.lackingForMs : busyMs))
        .filter((left) => left > 0),
    ),
  }
}

/** Each workload stands in at most one group, by name. */
interface Groups {
  /** Restarted for this, and given up by their controllers. */
  stuck: Workload[]
  /** Restarted for this, and not through. */
  underWay: Workload[]
  /** Restarted for this, through, and lacking it still. */
  vain: Workload[]
  /** To be restarted, now or later. */
  candidates: Workload[]
  /** Sentences for those that are left alone. */
  refusals: string[]
  /** Pods that lack something and that nobody whom we restart would make anew. */
  orphans: ObservedPod[]
}

/** Undefined where no pod lacks anything. */
function sorted({ link, pods, workloads }: RolloutInput): Groups | undefined {
  const lacking = pods.filter((pod) => lackingRoles(link, pod).length > 0)
  if (lacking.length === 0) return undefined
  const known = new Map(workloads.map((workload) => [workload.name, workload]))
  const lacks = ({ name }: Workload) => lacking.some(({ workload }) => workload === name)
  const ordered = workloads.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const served = ordered.filter((each) => isServed(link, each, pods))
  const open = ordered.filter((each) => lacks(each) && !served.includes(each))
  const refusals = new Map(
    open.map((each) => [each, refusalOf(each, rolesLacking(link, lacking, each))]),
  )
  return {
    stuck: served.filter(({ progress }) => progress.state === 'failed'),
    underWay: served.filter(({ progress }) => progress.state === 'under way'),
    vain: served.filter(
      (each) => lacks(each) && (isThrough(each) || each.progress.state === 'held'),
    ),
    candidates: open.filter((each) => refusals.get(each) === undefined),
    refusals: [...refusals.values()].filter((told) => told !== undefined),
    orphans: lacking.filter(({ workload = '' }) => !known.has(workload)),
  }
}

function isThrough({ progress }: Workload): boolean {
  return progress.state === 'through'
}

function isDue(workload: Workload): boolean {
  return isThrough(workload) && workload.lackingForMs >= settleMs
}

function sentences({
  restarting,
  waiting,
  stuck,
  vain,
  refusals,
  orphans,
}: Groups & { restarting: Workload[]; waiting: Workload[] }): string[] {
  return [
    ...listed('Being restarted', restarting),
    ...listed('Waiting to be restarted', waiting),
    ...stuck.map(
      ({ name, progress }) =>
        `The restart of ${name} failed${'why' in progress ? `, as ${progress.why}` : ''}; no other is restarted until it is mended.`,
    ),
    ...listed('Restarted once and still lacking a sidecar, so not restarted again', vain),
    ...refusals,
    ...listed('Not restarted, as no Deployment, StatefulSet or DaemonSet makes them', orphans),
  ]
}

function rolesLacking(
  link: LogstashLink,
  pods: readonly ObservedPod[],
  { name }: Workload,
): Role[] {
  const its = pods.filter(({ workload }) => workload === name)
  return [...new Set(its.flatMap((pod) => lackingRoles(link, pod)))]
}

/** Restarted for all that the link wants of those of its pods that still count. */
function isServed(link: LogstashLink, workload: Workload, pods: readonly ObservedPod[]): boolean {
  const lacking = rolesLacking(link, pods, workload)
  const its = pods.filter((pod) => pod.workload === workload.name && !pod.finished)
  const wanted = lacking.length > 0 ? lacking : [...new Set(its.flatMap((pod) => pod.roles))]
  const isRecorded = (role: Role) =>
    workload.restartedFor[wantKey(link, role)] === injectionHash(link, role)
  return wanted.length > 0 && wanted.every(isRecorded)
}

/** Why a workload with pods that lack something is left alone; undefined where its turn comes. */
function refusalOf({ name, progress, leftOut }: Workload, lacking: Role[]): string | undefined {
  if ('why' in progress) return `Not restarted: ${name}, as ${progress.why}.`
  const reasons = lacking.map((role) => leftOut[role])
  // One role that would come is worth it.
  if (reasons.some((reason) => reason === undefined)) return undefined
  return `Not restarted: ${name}, as its new pods would lack a sidecar, too. ${reasons[0] ?? ''}`
}

function listed(what: string, named: readonly { name: string }[]): string[] {
  if (named.length === 0) return []
  const names = named.map(({ name }) => name).toSorted()
  const more = names.length - shown
  const text = more <= 0 ? names.join(', ') : `${names.slice(0, shown).join(', ')} and ${more} more`
  return [`${what}: ${text}.`]
}
