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
export function standingOf(pod: Pod, { link, role }: Wanted): 'none' | 'current' | 'outdated' {
  const name = sidecarName(link.metadata.name, role)
  const injection = injectionOf(pod, { link, role })
  const isThere = allContainers(pod.spec).some((container) => container.name === name)
  if (!isThere || injection === undefined) return 'none'
  return injection.hash === injectionHash(link, role) ? 'current' : 'outdated'
}

/**
 * Data ports are given to all before health ports, which may lie anywhere. Sidecars that are there already keep theirs, and
 * count as if they had been placed just now: so a second injection says the same as the first.
 */
export function place(
  pod: Pod,
  missing: readonly Wanted[],
  kept: readonly Wanted[],
): { placed: Placed[]; skipped: Left[] } {
  const holders = holdersIn(pod, kept)
  const health = new Set(kept.flatMap((each) => injectionOf(pod, each)?.healthPort ?? []))
  const accepted: Wanted[] = []
  const skipped: Left[] = []
  for (const wanted of missing) {
    const { link, role } = wanted
    const refused = refusal(pod, link, role) ?? portConflict(wanted, holders, health)
    if (refused === undefined) {
      accepted.push(wanted)
      for (const port of dataPorts(link, role)) holders.set(port, holderName(wanted))
    } else {
      skipped.push({ ...wanted, ...refused })
    }
  }
  const used = new Set([
    ...holders.keys(),
    ...health,
    ...accepted.flatMap(({ link }) => applicationPorts(link)),
  ])
  const placed = accepted.map((wanted) => {
    const healthPort = freeHealthPort(used)
    used.add(healthPort)
    return { ...wanted, healthPort }
  })
  return { placed, skipped }
}

/** Port → who has it, for messages. */
function holdersIn(pod: Pod, kept: readonly Wanted[]): Map<number, string> {
  const names = new Set(kept.map(({ link, role }) => sidecarName(link.metadata.name, role)))
  const theirs = allContainers(pod.spec).filter(({ name }) => !names.has(name))
  return new Map([
    ...[...usedPorts(theirs)].map((port) => [port, 'a container of the pod'] as const),
    ...kept.flatMap((each) =>
      dataPorts(each.link, each.role).map((port) => [port, holderName(each)] as const),
    ),
  ])
}

function portConflict(
  wanted: Wanted,
  holders: ReadonlyMap<number, string>,
  health: ReadonlySet<number>,
): Refusal | undefined {
  const ports = dataPorts(wanted.link, wanted.role)
  const taken = ports.find((port) => holders.has(port)) ?? ports.find((port) => health.has(port))
  if (taken === undefined) return undefined
  const holder = holders.get(taken) ?? 'the health endpoint of another sidecar'
  return {
    reason: 'PortConflict',
    message: `Port ${taken}, which ${holderName(wanted)} wants, is used by ${holder}; give one of them another port.`,
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
