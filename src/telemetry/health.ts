/**
 * The health endpoints of a sidecar, by node:http alone: it is in the process anyway, where fastify would add to each
 * pod's memory.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { http } from '../node-http.ts'
import { messageOf, TerminalError } from '../errors.ts'
import { answerFor, type HealthSource } from './answers.ts'
import type { Log } from './log.ts'

export type { Check, Checks } from './answers.ts'

export interface HealthOptions extends HealthSource {
  /** Empty: all addresses, of IPv6 too where there are such. */
  host: string
  /** 0 takes a free one. */
  port: number
  log: Log
}

export interface HealthServer {
  port: number
  /** Resolves when the port is free again; answers under way are finished. */
  close(): Promise<void>
}

/** Listens. Throws LSL_LISTEN_FAILED where the address cannot be had. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const { host, port, log } = options
  const server = http.createServer((request, response) => {
    const { method = 'GET', url = '/' } = request
    // Bodies are of no interest, yet must be read for the connection to be used again.
    request.resume()
    void answerFor(options, method, url).then(({ status, headers, body }) => {
      response.writeHead(status, headers)
      response.end(method === 'HEAD' ? undefined : body)
    })
  })
  server.on('clientError', (error, socket) => {
    log.debug({ err: error }, 'A request to the health endpoints was no HTTP')
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  server.listen({ host, port })
  try {
    await once(server, 'listening')
  } catch (error) {
    throw listenFailed(`${host === '' ? '*' : host}:${port}`, error)
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      // A client that reads too slowly must not hold up the end of the program.
      const patience = setTimeout(() => server.closeAllConnections(), 1000)
      await closed
      clearTimeout(patience)
    },
  }
}

/** Says for what the address was wanted, since several servers run in one program. */
export function listenFailed(address: string, cause: unknown): TerminalError {
  return new TerminalError(
    'LSL_LISTEN_FAILED',
    [address, 'the health endpoints', messageOf(cause)],
    {
      cause,
    },
  )
}
