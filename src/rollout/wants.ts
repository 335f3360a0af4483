/**
 * What links want of the pods of one workload, as its template remembers it. Per link and role, not one digest of all: a
 * restart serves every link that picks the pods, so each finds its own hash there, and a change of one link never makes
 * another restart the same workload again.
 */
import { injectionHash } from '../api/injection.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Role } from '../api/names.ts'

/** `sender/orders` → hash of what that link wants. */
export type Wants = Readonly<Record<string, string>>

export function wantKey(link: LogstashLink, role: Role): string {
  return `${role}/${link.metadata.name}`
}

/** @param wanted links of one namespace and the roles in which they pick the pods of a template */
export function wantsOf(wanted: readonly { link: LogstashLink; role: Role }[]): Wants {
  return Object.fromEntries(
    wanted.map(({ link, role }) => [wantKey(link, role), injectionHash(link, role)]),
  )
}

/** The annotation's value: the same text for the same wants, since another one makes all pods anew. */
export function wantsText(wants: Wants): string {
  const entries = Object.entries(wants).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(Object.fromEntries(entries))
}

/** Anyone may write annotations: what is no map of text says nothing. */
export function readWants(text: string | undefined): Wants {
  if (text === undefined) return {}
  try {
    const data: unknown = JSON.parse(text)
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return {}
    return Object.fromEntries(
      Object.entries(data).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    )
  } catch {
    return {}
  }
}
