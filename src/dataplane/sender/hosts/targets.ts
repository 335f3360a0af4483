/** Host entries → addresses to connect to. A name stands for all its addresses, each of which is a host of its own. */
import { isIP, isIPv6 } from 'node:net'
import type { HostEntry } from '../../../api/sidecar-config.ts'
import { messageOf } from '../../../errors.ts'

export interface Target {
  /** `address:port`, IPv6 in brackets. */
  id: string
  address: string
  port: number
  zone?: string
  /** The entry's own host: the name to verify unless the settings give another, and the Host header. */
  name: string
}

export type Lookup = (name: string) => Promise<string[]>

export interface Resolved {
  targets: Target[]
  /** One sentence for names that could not be resolved. */
  problem?: string
}

/** A name that cannot be resolved now keeps the addresses that `before` has of it. Never rejects. */
export async function resolveTargets(
  entries: readonly HostEntry[],
  lookup: Lookup,
  before: readonly Target[],
): Promise<Resolved> {
  const problems: string[] = []
  const resolved = await Promise.all(
    entries.map(async (entry): Promise<Target[]> => {
      if (isIP(entry.host) !== 0) return [targetOf(entry, entry.host)]
      try {
        const addresses = await lookup(entry.host)
        return addresses.map((address) => targetOf(entry, address))
      } catch (error) {
        problems.push(`${entry.host} cannot be resolved: ${messageOf(error)}`)
        return before.filter(({ name, port }) => name === entry.host && port === entry.port)
      }
    }),
  )
  const targets = [...new Map(resolved.flat().map((target) => [target.id, target])).values()]
  return { targets, ...(problems.length === 0 ? {} : { problem: problems.join('; ') }) }
}

export function hasNames(entries: readonly HostEntry[]): boolean {
  return entries.some(({ host }) => isIP(host) === 0)
}

/** `host:port` as URLs and people write it. */
export function authorityOf(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function targetOf({ host, port, zone }: HostEntry, address: string): Target {
  const target = { id: authorityOf(address, port), address, port, name: host }
  return zone === undefined ? target : { ...target, zone }
}
