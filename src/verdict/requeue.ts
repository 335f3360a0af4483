/** When to look again though nothing was reported to have changed. */
import type { Observed } from '../api/observed.ts'
import { roles } from '../api/roles.ts'

/** In case that a watch was blind: what the link names, or a name that is taken, comes free by someone's hand. */
const namedObjects = 30_000
/** Likewise: cert-manager takes seconds. */
const issuing = 60_000
/** Timers hold at most 24 days; so long a wait helps nobody. */
const longest = 12 * 60 * 60 * 1000

/** Milliseconds; undefined where only a change can bring news. */
export function requeueAfter(
  observed: Observed,
  waits: { accepted: boolean; identityReady: boolean },
): number | undefined {
  const { identities, now } = observed
  const ends = roles.flatMap((role) => {
    const { notAfter } = identities[role] ?? {}
    if (notAfter === undefined) return []
    const left = Date.parse(notAfter) - Date.parse(now)
    // A second more: the end itself is still within the validity.
    return left > 0 ? [Math.min(left + 1000, longest)] : []
  })
  const times = [
    ...(waits.accepted ? [] : [namedObjects]),
    ...(waits.identityReady ? [] : [issuing]),
    ...ends,
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}
