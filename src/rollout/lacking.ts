/** Pods that would get what a link wants if they were made anew. */
import { injectionHash, readInjection, readSkip } from '../api/injection.ts'
import type { LogstashLink } from '../api/link.ts'
import { labels, type Role } from '../api/names.ts'
import type { ObservedPod } from '../api/observed.ts'

/** Roles of the link whose sidecar the pod is to have and has not, or has as an older spec wanted it. */
export function lackingRoles(link: LogstashLink, pod: ObservedPod): Role[] {
  if (pod.finished || pod.labels[labels.inject] === 'false' || pod.hostNetwork) return []
  return pod.roles.filter((role) => lacks(link, role, pod))
}

function lacks(link: LogstashLink, role: Role, pod: ObservedPod): boolean {
  const { name } = link.metadata
  const hash = injectionHash(link, role)
  const injection = readInjection(pod.annotations, name, role)
  if (injection !== undefined) return injection.hash !== hash
  const skip = readSkip(pod.annotations, name, role)
  // Left out under the spec of now: it would be so again.
  return skip === undefined || (skip.hash !== undefined && skip.hash !== hash)
}
