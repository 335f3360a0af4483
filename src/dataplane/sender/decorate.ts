/**
 * `decorate: Kubernetes`: one key `kubernetes` is spliced into each event after its opening brace, without parsing it.
 * An event's own key of that name wins: it comes later, and of two equal keys the last counts for Logstash's parser,
 * JSON.parse and most others.
 */
import type { SenderSettings } from '../../api/sidecar-config.ts'
import { newline, type Events } from '../wire/events.ts'

const openBrace = 0x7b
const closeBrace = 0x7d
const comma: Buffer = Buffer.from(',')

/** The key with its value, as it is spliced in; undefined where nothing is to be added. */
export function decorationOf({ decorate, pod }: SenderSettings): Buffer | undefined {
  if (decorate !== 'Kubernetes' || pod === undefined) return undefined
  const { namespace, name, node } = pod
  const kubernetes = { namespace, pod: name, ...(node === undefined ? {} : { node }) }
  return Buffer.from(`"kubernetes":${JSON.stringify(kubernetes)}`)
}

/** Each event is an object: the readers wrapped what was none. */
export function decorateEvents({ body, count }: Events, key: Buffer): Events {
  const decorated = Buffer.allocUnsafe(body.length + count * (key.length + 1))
  let from = 0
  let to = 0
  while (from < body.length) {
    const end = body.indexOf(newline, from) + 1 || body.length
    const inside = body.indexOf(openBrace, from) + 1
    to += body.copy(decorated, to, from, inside)
    to += key.copy(decorated, to)
    if (!isEmptyObject(body, inside)) to += comma.copy(decorated, to)
    to += body.copy(decorated, to, inside, end)
    from = end
  }
  return { body: decorated.subarray(0, to), count }
}

function isEmptyObject(body: Buffer, inside: number): boolean {
  let i = inside
  while (body[i] === 0x20 || body[i] === 0x09 || body[i] === 0x0d) i += 1
  return body[i] === closeBrace
}
