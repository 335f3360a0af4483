/** `--deliver`: where a receiver hands its events on. */
import type { DeliverTarget } from '../api/sidecar-config.ts'
import { show } from './flags.ts'

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
 * In a pod the application answers on 127.0.0.1; where `local` gives each pod an address of its own, that stands in its
 * place.
 */
export function atPodAddress(target: DeliverTarget, address: string): DeliverTarget {
  if (target.type === 'tcp' && target.host === '127.0.0.1') return { ...target, host: address }
  if (target.type !== 'http') return target
  const url = new URL(target.url)
  if (url.hostname === '127.0.0.1') url.hostname = address
  return { ...target, url: url.href }
}
