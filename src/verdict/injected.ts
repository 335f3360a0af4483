/** ReceiversInjected, SendersInjected: has every pod of a role its sidecar, as the link wants it now. */
import { injectionHash, readInjection, readSkip } from '../api/injection.ts'
import { labels, type Role } from '../api/names.ts'
import type { Observed, ObservedPod } from '../api/observed.ts'
import { selectorOf } from '../api/roles.ts'
import { namesOf, plural, type Finding } from './finding.ts'
import { restartCommands } from './restart-command.ts'

type Injected = Finding<'ReceiversInjected'>

export interface RoleCounts {
  desired: number
  ready: number
}

/** In the order of what is told first. */
const states = ['NotInjected', 'Outdated', 'PortConflict', 'Skipped', 'NotReady', 'Ready'] as const
type State = (typeof states)[number]

/** Pods that the selector picks and that are to have a sidecar: one that opts out counts no more. */
export function countsOf(observed: Observed, role: Role): RoleCounts {
  const pods = podsOf(observed, role).filter((pod) => !optsOut(pod))
  const ready = pods.filter((pod) => pod.sidecars[role]?.ready === true)
  return { desired: pods.length, ready: ready.length }
}

/** @param restarts sentences on what is done about pods that lack their sidecar */
export function injected(
  observed: Observed,
  role: Role,
  restarts: readonly string[] = [],
): Injected {
  const { link } = observed
  if (selectorOf(link, role) === undefined) {
    return { status: 'True', reason: 'NotNeeded', message: `No ${role} sidecars are asked for.` }
  }
  const all = podsOf(observed, role)
  const pods = all.filter((pod) => !optsOut(pod))
  const without = all.length === pods.length ? '' : ` ${optedOut(all.length - pods.length)}`
  if (pods.length === 0) {
    const message = `No pod of namespace ${link.metadata.namespace ?? 'default'} is picked by \`spec.${role}.selector\`.${without}`
    return { status: 'False', reason: 'NoPods', message }
  }
  const hash = injectionHash(link, role)
  const byState = Map.groupBy(pods, (pod) => stateOf(observed, role, { pod, hash }))
  const reason = states.find((state) => state !== 'Ready' && byState.has(state))
  const ready = byState.get('Ready')?.length ?? 0
  const count = `${role === 'sender' ? 'Sender' : 'Receiver'} sidecars are ready in ${ready} of ${pods.length} pods.`
  if (reason === undefined || reason === 'Ready') {
    return { status: 'True', reason: 'Injected', message: `${count}${without}` }
  }
  const sentences = states.flatMap((state) => sentence(observed, role, state, byState.get(state)))
  const lacks = byState.has('NotInjected') || byState.has('Outdated')
  const told = [count, ...sentences, ...(lacks ? restarts : [])].join(' ')
  return { status: 'False', reason, message: `${told}${without}` }
}

function podsOf({ pods }: Observed, role: Role): ObservedPod[] {
  return pods.filter((pod) => !pod.finished && pod.roles.includes(role))
}

function optsOut(pod: ObservedPod): boolean {
  return pod.labels[labels.inject] === 'false'
}

function optedOut(count: number): string {
  return `${plural(count, 'pod')} ${count === 1 ? 'opts' : 'opt'} out by label.`
}

function stateOf(
  { link }: Observed,
  role: Role,
  { pod, hash }: { pod: ObservedPod; hash: string },
): State {
  const injection = readInjection(pod.annotations, link.metadata.name, role)
  if (injection !== undefined) {
    if (injection.hash !== hash) return 'Outdated'
    return pod.sidecars[role]?.ready === true ? 'Ready' : 'NotReady'
  }
  if (pod.hostNetwork) return 'Skipped'
  const skip = readSkip(pod.annotations, link.metadata.name, role)
  if (skip === undefined) return 'NotInjected'
  // Left out under an older spec.
  if (skip.hash !== undefined && skip.hash !== injectionHash(link, role)) return 'Outdated'
  return skip.reason === 'PortConflict' ? 'PortConflict' : 'Skipped'
}

function sentence(
  { link }: Observed,
  role: Role,
  state: State,
  pods: readonly ObservedPod[] | undefined,
): string[] {
  if (pods === undefined || state === 'Ready') return []
  const names = namesOf(pods.map(({ name }) => name))
  const mend = `; to mend: ${namesOf(restartCommands(pods))}`
  const which = `${plural(pods.length, 'pod')} (${workloadsOf(pods)})`
  if (state === 'NotInjected') return [`Without a sidecar: ${which}${mend}.`]
  if (state === 'Outdated') return [`With an outdated sidecar: ${which}${mend}.`]
  if (state === 'NotReady') return [`Not ready yet: ${names}.`]
  const causes = Map.groupBy(pods, (pod) => skipMessage(pod, link.metadata.name, role))
  return [...causes]
    .map(([cause, those]) => `Left out: ${namesOf(those.map(({ name }) => name))}. ${cause}`)
    .toSorted()
}

/** `Deployment/web, Pod/lone`: pods come and go, and what is to be restarted is what made them. */
function workloadsOf(pods: readonly ObservedPod[]): string {
  return namesOf([...new Set(pods.map(({ name, workload = `Pod/${name}` }) => workload))])
}

function skipMessage(pod: ObservedPod, link: string, role: Role): string {
  return pod.hostNetwork
    ? 'The pod uses the network of its node (hostNetwork), where sidecars would collide.'
    : (readSkip(pod.annotations, link, role)?.message ?? '')
}
