/** Which sidecars a pod is to get: who is wanted, who is there already, who is left out and why, who gets which port. */
import { injectionHash, readInjection } from '../api/injection.ts'
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
  const injection = readInjection(pod.metadata.annotations, link.metadata.name, role)
  const isThere = allContainers(pod.spec).some((container) => container.name === name)
  if (!isThere || injection === undefined) return 'none'
  return injection.hash === injectionHash(link, role) ? 'current' : 'outdated'
}

/** Data ports are given to all before health ports, which may lie anywhere. */
export function place(pod: Pod, missing: readonly Wanted[]): { placed: Placed[]; skipped: Left[] } {
  const used = usedPorts(pod.spec)
  const holders = new Map<number, string>()
  const accepted: Wanted[] = []
  const skipped: Left[] = []
  for (const wanted of missing) {
    const { link, role } = wanted
    const refused = refusal(pod, link, role) ?? portConflict(wanted, used, holders)
    if (refused === undefined) {
      accepted.push(wanted)
      for (const port of dataPorts(link, role)) {
        used.add(port)
        holders.set(port, `the ${role} of link ${link.metadata.name}`)
      }
    } else {
      skipped.push({ ...wanted, ...refused })
    }
  }
  for (const { link } of accepted) for (const port of applicationPorts(link)) used.add(port)
  const placed = accepted.map((wanted) => {
    const healthPort = freeHealthPort(used)
    used.add(healthPort)
    return { ...wanted, healthPort }
  })
  return { placed, skipped }
}

function portConflict(
  { link, role }: Wanted,
  used: ReadonlySet<number>,
  holders: ReadonlyMap<number, string>,
): Refusal | undefined {
  const ports = dataPorts(link, role)
  const taken = ports.find((port) => used.has(port))
  if (taken === undefined) return undefined
  const holder = holders.get(taken) ?? 'a container of the pod'
  return {
    reason: 'PortConflict',
    message: `Port ${taken}, which the ${role} of link ${link.metadata.name} wants, is used by ${holder}; give one of them another port.`,
  }
}

function byAge({ metadata: a }: LogstashLink, { metadata: b }: LogstashLink): number {
  const [ageA, ageB] = [a.creationTimestamp ?? '', b.creationTimestamp ?? '']
  if (ageA !== ageB) return ageA < ageB ? -1 : 1
  return a.name < b.name ? -1 : 1
}
