/** `--deliver`: where a receiver hands its events on. */
import type { DeliverTarget } from '../api/sidecar-config.ts'
import { environment } from '../api/names.ts'
import { show } from './flags.ts'
import type { Environment } from './placement.ts'

const expected = 'one of stdout, file:PATH, http://HOST:PORT/PATH, tcp://HOST:PORT, unix:PATH'

export function deliverFrom(text: string, problems: string[]): DeliverTarget {
  const target = parseTarget(text)
  if (target !== undefined) return target
  problems.push(`Expected \`--deliver\` to be ${expected}, got ${show(text)}`)
  return { type: 'stdout' }
}

function parseTarget(text: string): DeliverTarget | undefined {
  if (text === 'stdout') return { type: 'stdout' }
  const [, scheme, rest = ''] = /^(file|unix):(.+)$/.exec(text) ?? []
  if (scheme === 'file') return { type: 'file', path: rest, fsync: false }
  if (scheme === 'unix') return { type: 'unix', path: rest }
  return URL.canParse(text) ? fromUrl(new URL(text)) : undefined
}

function fromUrl(url: URL): DeliverTarget | undefined {
  if (url.username !== '' || url.password !== '') return undefined
  if (url.protocol === 'http:') return { type: 'http', url: url.href }
  const bare = url.pathname === '' || url.pathname === '/'
  const port = Number(url.port)
  if (url.protocol !== 'tcp:' || port === 0 || url.hostname === '' || !bare) return undefined
  return { type: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port }
}

/**
 * In a pod the application answers on 127.0.0.1; where `local` gives each pod an address or ports of its own, those stand
 * in its place.
 */
export function atPodAddress(
  target: DeliverTarget,
  address: string,
  env: Environment,
): DeliverTarget {
  const portOf = (port: number | string): string => env[environment.podPort + port] ?? String(port)
  if (target.type === 'tcp' && target.host === '127.0.0.1') {
    return { ...target, host: address, port: Number(portOf(target.port)) }
  }
  if (target.type !== 'http') return target
  const url = new URL(target.url)
  if (url.hostname === '127.0.0.1') {
    url.hostname = address
    url.port = portOf(url.port || 80)
  }
  return { ...target, url: url.href }
}
