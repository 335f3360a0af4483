/**
 * Receivers as users write them: `host`, `host:port`, IPv4, `[IPv6]`, `[IPv6]:port`. A name is kept as a name. The grammar
 * is the one of the pattern in patterns.ts, which the API server applies; what is here says which part is at fault.
 */
import { TerminalError } from '../errors.ts'
import { host as hostPattern, ipAddress } from './patterns.ts'
import { show } from './show.ts'
import { defaults } from './sidecar-config.ts'

/** IPv6 without brackets; names and hexadecimal digits in lower case. */
interface Host {
  host: string
  port: number
}

/**
 * One receiver; the default port is 9800.
 * @throws TerminalError LSL_HOST_INVALID that names `field` and what is wrong
 */
export function parseHost(text: string, field: string): Host {
  const fault = hostFault(text)
  if (fault !== undefined) throw new TerminalError('LSL_HOST_INVALID', [field, show(text), fault])
  const { name, port } = split(text)
  const address = name.startsWith('[') ? shortest(name) : name.toLowerCase()
  return { host: address, port: port === undefined ? defaults.receiverPort : Number(port) }
}

/** The canonical text, always with port; parseHost gives back the same from it. */
export function formatHost({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What is wrong with a host, as a phrase, or undefined when nothing is. */
export function hostFault(text: string): string | undefined {
  if (text === '') return 'it is empty'
  if (/\s/.test(text)) return 'it has a space in it'
  if (text.includes('://')) return 'leave out the scheme, TLS is a setting of its own'
  if (text.includes('/')) return 'leave out the path'
  if (text.includes('@')) return 'leave out the user, credentials go into auth'
  if (text.length > hostPattern.maxLength)
    return `it has more than ${hostPattern.maxLength} characters`
  return addressFault(text)
}

function addressFault(text: string): string | undefined {
  if (!text.startsWith('[') && text.split(':').length > 2)
    return 'an IPv6 address stands in brackets, such as [::1]:9800'
  const { name, port, rest } = split(text)
  if (rest !== '') return 'after the closing bracket comes nothing, or `:` and the port'
  if (name.startsWith('[') && !name.endsWith(']')) return 'the closing bracket is missing'
  if (port !== undefined && !isPort(port)) return 'the port is an integer from 1 to 65535'
  return name.startsWith('[') ? ipv6Fault(name.slice(1, -1)) : nameFault(name)
}

function ipv6Fault(address: string): string | undefined {
  if (address.includes('%')) return 'zone ids have no meaning on another machine'
  if (address.includes('.')) return 'write an IPv4 address as it is, without brackets'
  if (!isAddress(address)) return 'what stands in the brackets is no IPv6 address'
  return undefined
}

function nameFault(name: string): string | undefined {
  if (isAddress(name)) return undefined
  if (name === '') return 'the host before the port is missing'
  if (name.endsWith('.')) return 'leave out the final dot'
  const labels = name.split('.')
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return 'it looks like an IPv4 address and is none'
  const bad = labels.find((label) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/i.test(label))
  if (bad === '') return 'two dots follow each other, or a dot comes first'
  if (bad === undefined) return undefined
  return `\`${bad.slice(0, 64)}\` is no DNS label: 1 to 63 letters, digits and inner hyphens`
}

/** `[v6]:port` or `name:port` in their parts, unchecked; `rest` is what fits nowhere. */
function split(text: string): { name: string; port: string | undefined; rest: string } {
  const [, name = text, port, rest = ''] = /^(\[[^\]]*\]?|[^:]*)(?::(.*))?([^]*)$/.exec(text) ?? []
  return { name, port, rest }
}

/** IPv6 has colons and a name has none here, so one pattern serves for both families. */
function isAddress(text: string): boolean {
  return new RegExp(ipAddress.pattern).test(text)
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535
}

/** RFC 5952 by way of the URL parser, which keeps the brackets. */
function shortest(bracketed: string): string {
  return new URL(`http://${bracketed}`).hostname.slice(1, -1)
}
