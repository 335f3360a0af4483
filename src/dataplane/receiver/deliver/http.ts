/** NDJSON by POST to the application. */
import { http } from '../../../node-http.ts'
import { exchange } from '../../http/exchange.ts'
import { systemTime } from '../../time.ts'
import type { Deliverer } from './deliverer.ts'
import { deliverByPosts, maxRequests } from './posts.ts'

const connectTimeout = 3000

export function createHttpDeliverer(url: string): Deliverer {
  const { hostname, port, pathname, search, username, password } = new URL(url)
  const agent = new http.Agent({ keepAlive: true, maxSockets: maxRequests, scheduling: 'lifo' })
  const options = {
    agent,
    method: 'POST',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 80 : Number(port),
    path: pathname + search,
    ...(username === ''
      ? {}
      : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
  }
  return deliverByPosts({
    post({ body }, left) {
      const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length }
      const timeouts = { connect: Math.min(connectTimeout, left), response: left }
      return exchange(http.request({ ...options, headers }), body, { secure: false, timeouts })
    },
    end: () => agent.destroy(),
    time: systemTime,
  })
}
