/** Which sidecars a pod is to get: who is wanted, who is there already, who is left out and why, who gets which port. */
import { injectionHash, readInjection, type Injection } from '../api/injection.ts'
import { matchesSelector } from '../api/label-selector.ts'
import type { LogstashLink } from '../api/link.ts'
import { sidecarName, type Role } from '../api/names.ts'
import { roles, selectorOf } from '../api/roles.ts'
import { allContainers, usedPorts } from './pod-facts.ts'
import type { Pod } from './pod.ts'
import { applicationPorts, dataPorts, freeHealthPort } from './ports.ts'
import { refusal, type Refusal } from './refusals.ts'

export interface Wanted {
  link: LogstashLink
  role: Role
}

export interface Standing extends Wanted {
  state: 'none' | 'current' | 'outdated'
}

export interface Placed extends Wanted {
  healthPort: number
}

export interface Left extends Wanted, Refusal {}

/** Links of the namespace that want this pod, the oldest first: where two want one port the younger yields. */
export function wantedIn(pod: Pod, namespace: string, links: readonly LogstashLink[]): Wanted[] {
  return links
    .filter(({ metadata }) => metadata.namespace === namespace)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted(byAge)
    .flatMap((link) => roles.map((role) => ({ link, role })))
    .filter(({ link, role }) => {
      const selector = selectorOf(link, role)
      return selector !== undefined && matchesSelector(selector, pod.metadata.labels)
    })
}

/**
 * What stands in the pod of a link and role before this injection. `current`: ours and as the link wants it, it is left
 * alone. `outdated`: ours by its annotation, from a copied manifest. `none`: nothing, or a foreign container.
 */
export function standingOf(pod: Pod, { link, role }: Wanted): Standing['state'] {
  const name = sidecarName(link.metadata.name, role)
  const injection = injectionOf(pod, { link, role })
  const isThere = allContainers(pod.spec).some((container) => container.name === name)
  if (!isThere || injection === undefined) return 'none'
  return injection.hash === injectionHash(link, role) ? 'current' : 'outdated'
}

/**
 * Data ports are given to all before health ports, which may lie anywhere. Sidecars that are there already keep theirs, and
 * count as if they had been placed just now: so a second injection says the same as the first.
 *
 * @param standing all that are wanted in the pod, the oldest first
 */
export function place(
  pod: Pod,
  standing: readonly Standing[],
): { placed: Placed[]; skipped: Left[] } {
  const kept = standing.filter(({ state }) => state === 'current')
  const holders = holdersIn(pod, standing)
  const health = new Set(kept.flatMap((each) => injectionOf(pod, each)?.healthPort ?? []))
  const healthHolders = [...health].map((port) => ({
    port,
    name: 'the health endpoint of another sidecar',
  }))
  const accepted: Wanted[] = []
  const skipped: Left[] = []
  for (const [rank, { link, role, state }] of standing.entries()) {
    if (state === 'current') continue
    const wanted = { link, role }
    const [older, younger] = [
      holders.filter((holder) => holder.rank < rank),
      holders.filter((holder) => holder.rank > rank),
    ]
    // The older first: they were there the first time as well, so that the reason stays the same.
    const refused =
      refusal(pod, link, role) ??
      portConflict(wanted, [...olderApplications(standing.slice(0, rank)), ...older]) ??
      applicationConflict(wanted, older) ??
      portConflict(wanted, [...younger, ...healthHolders]) ??
      applicationConflict(wanted, younger)
    if (refused === undefined) {
      accepted.push(wanted)
      for (const port of dataPorts(link, role)) {
        holders.push({ port, rank, name: holderName(wanted) })
      }
    } else {
      skipped.push({ ...wanted, ...refused })
    }
  }
  const used = new Set([
    ...holders.map(({ port }) => port),
    ...health,
    ...standing.flatMap(({ link, role }) => applicationPorts(link, role)),
  ])
  const placed = accepted.map((wanted) => {
    const healthPort = freeHealthPort(used)
    used.add(healthPort)
    return { ...wanted, healthPort }
  })
  return { placed, skipped }
}

interface Holder {
  port: number
  /** As in messages. */
  name: string
}

/** Of the pod itself, older than all, or of a sidecar, by the place of its link among those that are wanted. */
interface Ranked extends Holder {
  rank: number
}

const ofPod = -1

function holdersIn(pod: Pod, standing: readonly Standing[]): Ranked[] {
  const isKept = ({ state }: Standing) => state === 'current'
  const names = new Set(
    standing.filter(isKept).map(({ link, role }) => sidecarName(link.metadata.name, role)),
  )
  const theirs = allContainers(pod.spec).filter(({ name }) => !names.has(name))
  return [
    ...[...usedPorts(theirs)].map((port) => ({
      port,
      rank: ofPod,
      name: 'a container of the pod',
    })),
    ...standing.flatMap((each, rank) =>
      isKept(each)
        ? dataPorts(each.link, each.role).map((port) => ({ port, rank, name: holderName(each) }))
        : [],
    ),
  ]
}

/**
 * The application listens where receivers deliver, whether it declares that or not, and whether those receivers could be
 * placed or not: a sidecar, which starts first, would take the port from it.
 */
function olderApplications(older: readonly Wanted[]): Holder[] {
  return older.flatMap((each) =>
    applicationPorts(each.link, each.role).map((port) => ({
      port,
      name: `the application, to which ${holderName(each)} delivers`,
    })),
  )
}

/** The first holder of a port that is wanted. */
function portConflict(wanted: Wanted, holders: readonly Holder[]): Refusal | undefined {
  const ports = dataPorts(wanted.link, wanted.role)
  const holder = holders.find(({ port }) => ports.includes(port))
  if (holder === undefined) return undefined
  return {
    reason: 'PortConflict',
    message: `Port ${holder.port}, which ${holderName(wanted)} wants, is used by ${holder.name}; give one of them another port.`,
  }
}

/** Where a sidecar listens the application does not. */
function applicationConflict(wanted: Wanted, holders: readonly Ranked[]): Refusal | undefined {
  const ports = applicationPorts(wanted.link, wanted.role)
  const holder = holders.find(({ port, rank }) => rank !== ofPod && ports.includes(port))
  if (holder === undefined) return undefined
  return {
    reason: 'PortConflict',
    message: `Port ${holder.port}, where ${holderName(wanted)} meets the application, is used by ${holder.name}; give one of them another port.`,
  }
}

function holderName({ link, role }: Wanted): string {
  return `the ${role} of link ${link.metadata.name}`
}

function injectionOf(pod: Pod, { link, role }: Wanted): Injection | undefined {
  return readInjection(pod.metadata.annotations, link.metadata.name, role)
}

function byAge({ metadata: a }: LogstashLink, { metadata: b }: LogstashLink): number {
  const [ageA, ageB] = [a.creationTimestamp ?? '', b.creationTimestamp ?? '']
  if (ageA !== ageB) return ageA < ageB ? -1 : 1
  return a.name < b.name ? -1 : 1
}
