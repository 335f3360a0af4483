/**
 * Which CAs stand in caBundle: those that a replica serves from or will serve from, and for a day those that were needed
 * before, because another replica may still serve from them. What nobody of ours put there does not stay. Pure.
 */
import type { X509Certificate } from 'node:crypto'
import { isValidAt } from './leaf.ts'

interface Authority {
  certificate: X509Certificate
  /** Since when it is needed no more, ms since 1970; undefined while it is needed. */
  retiredAt: number | undefined
}

/** By fingerprint. */
export type Authorities = ReadonlyMap<string, Authority>

/** A replica takes up a new leaf within minutes, its Secret is asked for every 5 minutes at the latest. */
const keptMs = 24 * 60 * 60_000

/** What stood in caBundle, as far as the annotation beside it says that it is ours. */
export function knownAuthorities(
  bundle: readonly X509Certificate[],
  annotation: string | undefined,
): Authorities {
  const times = timesIn(annotation)
  return new Map(
    bundle.flatMap((certificate): [string, Authority][] => {
      const id = idOf(certificate)
      const time = times[id]
      if (typeof time !== 'string') return []
      const at = Date.parse(time)
      return [[id, { certificate, retiredAt: Number.isNaN(at) ? undefined : at }]]
    }),
  )
}

/** @param needed authorities of what is served and of what will be */
export function nextAuthorities(
  known: Authorities,
  needed: readonly X509Certificate[],
  now: number,
): Authorities {
  const neededIds = new Set(needed.map(idOf))
  const kept = [...known]
    .filter(([id]) => !neededIds.has(id))
    .map(([id, { certificate, retiredAt = now }]) => [id, { certificate, retiredAt }] as const)
    .filter(
      ([, { certificate, retiredAt }]) => now < retiredAt + keptMs && isValidAt(certificate, now),
    )
  const inUse = needed.map((certificate): [string, Authority] => [
    idOf(certificate),
    { certificate, retiredAt: undefined },
  ])
  return new Map([...kept, ...inUse])
}

/** PEM, in an order that depends on nothing but the certificates. */
export function bundleOf(authorities: Authorities): string {
  return sorted(authorities)
    .map(([, { certificate }]) => `${certificate.toString().trim()}\n`)
    .join('')
}

/** For the annotation beside it. */
export function annotationOf(authorities: Authorities): string {
  const times = sorted(authorities).map(([id, { retiredAt }]) => [
    id,
    retiredAt === undefined ? '' : new Date(retiredAt).toISOString(),
  ])
  return JSON.stringify(Object.fromEntries(times))
}

function sorted(authorities: Authorities): [string, Authority][] {
  return [...authorities].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function idOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

/** Anyone may have written it. */
function timesIn(annotation: string | undefined): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(annotation ?? '{}')
    return typeof data === 'object' && data !== null ? { ...data } : {}
  } catch {
    return {}
  }
}
