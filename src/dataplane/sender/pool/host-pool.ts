/**
 * Kept connections to one address under one set of TLS settings, over node:http(s): its requests say whether their
 * connection was used before (a reset there is no host's error), which undici's do not, and a program that listens by
 * node:http spares undici's 15 MiB of memory (measured, Node 26).
 *
 * There is no session cache: a resumed session skips the check of the name. New settings make a new pool; the old one is
 * retired and closes each connection after its last answer.
 */
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { http } from '../../../node-http.ts'
import type { Timeouts } from '../timeouts.ts'
import { exchange, type Reply } from '../../http/exchange.ts'

export interface HostPoolSettings {
  address: string
  port: number
  /** Absent: plain HTTP. Holds the server name to verify as well. */
  tls: ConnectionOptions | undefined
  /** Host and port as they stand in the Host header. */
  authority: string
  timeouts: Timeouts
  /** From 0 to 1, takes up to a fifth off timeouts.connectionAge. */
  random: () => number
}

interface WireRequest {
  body: Buffer
  headers: Record<string, string | number>
}

export interface HostPool {
  /** Never rejects. `fresh` closes idle connections first, after one of them turned out to be dead. */
  send(request: WireRequest, options: { fresh: boolean }): Promise<Reply>
  /** Closes each connection after its last answer. */
  retire(): void
  /** Resolves once it is retired and nothing is in flight any more. */
  idle: Promise<void>
  /** Ends everything at once. */
  destroy(): void
}

export function createHostPool(settings: HostPoolSettings): HostPool {
  const { address, port, tls, authority, timeouts, random } = settings
  const agentOptions = { keepAlive: true, scheduling: 'lifo' } as const
  const agent = tls
    ? // Here and not with each request: Node keeps no connection whose request brings its own check of the name.
      new https.Agent({ ...agentOptions, ...tls, maxCachedSessions: 0 })
    : new http.Agent(agentOptions)
  // All its connections are alike; Node's own key would join every TLS option, certificates included, for each request.
  agent.getName = () => authority
  const expired = new WeakSet<Duplex>()
  const aging = new WeakSet<Duplex>()
  const { promise: idle, resolve: becomeIdle } = Promise.withResolvers<void>()
  let retired = false
  let inFlight = 0

  const keepAlive = agent.keepSocketAlive.bind(agent)
  agent.keepSocketAlive = (socket) => {
    if (retired || expired.has(socket)) return false
    return keepAlive(socket)
  }

  function isIdle(socket: Duplex): boolean {
    return Object.values(agent.freeSockets).some((each) => each?.some((free) => free === socket))
  }

  function closeIdle(): void {
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy()
    }
  }

  function limitAge(socket: Duplex): void {
    if (aging.has(socket)) return
    aging.add(socket)
    const age = timeouts.connectionAge * (1 - random() / 5)
    const timer = setTimeout(() => {
      expired.add(socket)
      if (isIdle(socket)) socket.destroy()
    }, age)
    timer.unref()
    socket.once('close', () => clearTimeout(timer))
  }

  return {
    send({ body, headers }, { fresh }) {
      if (fresh) closeIdle()
      const options = {
        agent,
        host: address,
        port,
        method: 'POST',
        path: '/',
        headers: { Host: authority, ...headers, 'Content-Length': body.length },
      }
      const request = tls ? https.request(options) : http.request(options)
      request.once('socket', limitAge)
      inFlight += 1
      return exchange(request, body, { secure: tls !== undefined, timeouts }).finally(() => {
        inFlight -= 1
        if (retired && inFlight === 0) becomeIdle()
      })
    },
    retire() {
      retired = true
      closeIdle()
      if (inFlight === 0) becomeIdle()
    },
    idle,
    destroy() {
      retired = true
      agent.destroy()
    },
  }
}
