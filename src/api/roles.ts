/** Which roles a link has in pods, and what they need there. */
import type { LogstashLink } from './link.ts'
import type { Role } from './names.ts'
import type { LabelSelector } from './objects.ts'

/** In the order in which sidecars stand in a pod. */
export const roles: readonly Role[] = ['receiver', 'sender']

/** Pods that get a sidecar of this role; undefined where the link has no such role. */
export function selectorOf({ spec }: LogstashLink, role: Role): LabelSelector | undefined {
  return role === 'receiver' ? spec.receiver.selector : spec.sender?.selector
}

/** Whether the role has a certificate that is ours to ask for. */
export function needsIdentity(link: LogstashLink, role: Role): boolean {
  const { tls } = link.spec
  if (!tls.enabled || selectorOf(link, role) === undefined) return false
  return role === 'receiver' || tls.clientAuthentication !== 'None'
}
