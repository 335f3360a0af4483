/** When to look again though nothing was reported to have changed. */
import type { Observed } from '../api/observed.ts'
import { certificateKind } from '../api/names.ts'
import { roles } from '../api/roles.ts'

/** In case that a watch was blind: what the link names, or a name that is taken, comes free by someone's hand. */
const namedObjects = 30_000
/** An issue takes seconds; why it takes longer no watch tells. The next look comes after as long as it takes already. */
const issuing = { least: 2000, most: 60_000 }
/** Timers hold at most 24 days; so long a wait helps nobody. */
const longest = 12 * 60 * 60 * 1000

/** Milliseconds; undefined where only a change can bring news. */
export function requeueAfter(
  observed: Observed,
  waits: { accepted: boolean; identityReady: boolean },
): number | undefined {
  const { identities, now } = observed
  const since = issuingSince(observed)
  const ends = roles.flatMap((role) => {
    const { notAfter } = identities[role] ?? {}
    if (notAfter === undefined) return []
    const left = Date.parse(notAfter) - Date.parse(now)
    // A second more: the end itself is still within the validity.
    return left > 0 ? [Math.min(left + 1000, longest)] : []
  })
  const times = [
    ...(waits.accepted ? [] : [namedObjects]),
    ...(waits.identityReady && since === undefined ? [] : [pauseWhileIssuing(since, now)]),
    ...ends,
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}

/** When the oldest issue began that is under way; undefined where there is none. */
function issuingSince({ objects }: Observed): string | undefined {
  const [oldest] = objects
    .filter(({ kind }) => kind === certificateKind.kind)
    .flatMap(({ status }) => {
      const { conditions = [] } = (status ?? {}) as { conditions?: Condition[] }
      const issue = conditions.find((each) => each.type === 'Issuing' && each.status === 'True')
      return issue?.lastTransitionTime ?? []
    })
    .toSorted()
  return oldest
}

interface Condition {
  type: string
  status: string
  lastTransitionTime?: string
}

function pauseWhileIssuing(since: string | undefined, now: string): number {
  if (since === undefined) return issuing.most
  const lasts = Date.parse(now) - Date.parse(since)
  return Math.min(issuing.most, Math.max(issuing.least, lasts))
}
