/** Why a link restarts nothing now, whatever its workloads. */
import type { LogstashLink } from '../api/link.ts'
import type { ObservedPod } from '../api/observed.ts'
import { lackingRoles } from './lacking.ts'

interface Prospects {
  accepted: boolean
  identityReady: boolean
  /** The webhook serves the link's namespace. */
  covered: boolean
}

/** Nothing is asked of the cluster for such a link. */
export function needsRestarts(link: LogstashLink, pods: readonly ObservedPod[]): boolean {
  return link.spec.rollout === 'Automatic' && pods.some((pod) => lackingRoles(link, pod).length > 0)
}

/** A sentence for what has to come first; undefined where restarts help. */
export function holdOf(link: LogstashLink, prospects: Prospects): string | undefined {
  const { accepted, identityReady, covered } = prospects
  if (link.spec.suspend) return 'Nothing is restarted while the link is suspended.'
  // New pods would come as they are, or wait for a certificate.
  if (!covered) return 'Nothing is restarted before the webhook serves the namespace.'
  if (!accepted) return 'Nothing is restarted before the link is accepted.'
  if (!identityReady) return 'Nothing is restarted before the certificates are issued.'
  return undefined
}
