/** What is looked at before a request's body is read: a chain of checks, the first answer ends it. */
import type { IncomingHttpHeaders } from 'node:http'
import { messageOf } from '../../errors.ts'
import type { LimitHits } from '../limit-hits.ts'
import { readContentType } from '../wire/content-type.ts'
import { readEncoding } from '../wire/gzip.ts'
import { accepted, refused, unavailable, type Answer } from './answer.ts'
import type { Judgement } from './credentials.ts'
import type { ReceiverLimit } from './metrics.ts'

export interface Head {
  method: string
  headers: IncomingHttpHeaders
}

export interface CheckContext {
  /** Undefined where no authentication is asked for. */
  judge: ((authorization: string | undefined) => Judgement) | undefined
  maxRequest: number
  hit: LimitHits<ReceiverLimit>
}

type Check = (head: Head, context: CheckContext) => Answer | undefined

/** Undefined: the body may be read. */
export function checkHead(head: Head, context: CheckContext): Answer | undefined {
  for (const check of checks) {
    const answer = check(head, context)
    if (answer !== undefined) return answer
  }
  return undefined
}

// The order is part of the protocol: who may not send learns nothing about limits.
const checks: readonly Check[] = [
  methodCarriesNoEvents,
  credentialsAreNotRight,
  requestIsAProbe,
  encodingIsUnknown,
  contentTypeIsUnknown,
  bodyIsTooLarge,
]

/** PUT is taken like POST, as the real input does. */
function methodCarriesNoEvents({ method }: Head): Answer | undefined {
  if (method === 'POST' || method === 'PUT' || method === 'GET' || method === 'HEAD')
    return undefined
  return { ...refused(405, 'Events come by POST'), headers: { allow: 'POST, PUT, GET, HEAD' } }
}

function credentialsAreNotRight({ headers }: Head, { judge }: CheckContext): Answer | undefined {
  if (judge === undefined) return undefined
  switch (judge(headers.authorization)) {
    case 'right':
      return undefined
    case 'missing':
      // The real input's own words: clients show the realm.
      return {
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="Logstash HTTP Input"' },
      }
    case 'wrong':
      return { status: 401 }
    default:
      // Not 401: a real output would lose its batch over a password that is only not mounted yet.
      return unavailable('The credentials of this receiver cannot be read yet')
  }
}

/** Load balancers and people look whether somebody is there; a GET with a body would lose it. */
function requestIsAProbe({ method, headers }: Head): Answer | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const empty =
    headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)
  if (empty) return accepted
  return { ...refused(405, 'Events come by POST'), headers: { allow: 'POST, PUT' } }
}

function encodingIsUnknown({ headers }: Head): Answer | undefined {
  try {
    readEncoding(headers['content-encoding'])
    return undefined
  } catch (error) {
    return refused(415, messageOf(error))
  }
}

function contentTypeIsUnknown({ headers }: Head): Answer | undefined {
  try {
    readContentType(headers['content-type'])
    return undefined
  } catch (error) {
    return refused(415, messageOf(error))
  }
}

function bodyIsTooLarge({ headers }: Head, { maxRequest, hit }: CheckContext): Answer | undefined {
  const length = Number(headers['content-length'] ?? 0)
  if (length <= maxRequest) return undefined
  hit('maxRequest', { length, maxRequest })
  return { status: 413 }
}
