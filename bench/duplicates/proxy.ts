/** A proxy for HTTP that loses things: each request is either passed on, or meets a fault drawn by chance. */
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { batchKeyHeader } from '../../src/dataplane/wire/batch-key.ts'

export interface FaultyProxy {
  port: number
  /** How often each fault was played. */
  counts: Record<'resetBefore' | 'resetAfter' | 'answerLost', number>
  close(): Promise<void>
}

export async function startFaultyProxy(options: {
  /** Of each of the three faults, for one request. */
  probability: number
  target: () => number
  stripKey: boolean
  random: () => number
}): Promise<FaultyProxy> {
  const { probability, target, stripKey, random } = options
  const counts = { resetBefore: 0, resetAfter: 0, answerLost: 0 }
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    request.on('end', () => {
      const drawn = Math.floor(random() / probability)
      if (drawn === 0) {
        counts.resetBefore += 1
        request.socket.resetAndDestroy()
        return
      }
      const headers = { ...request.headers }
      if (stripKey) delete headers[batchKeyHeader]
      const { method } = request
      const onward = http.request({ agent, host: '127.0.0.1', port: target(), method, headers })
      onward.once('response', (answer) => {
        if (drawn === 1) {
          counts.resetAfter += 1
          request.socket.resetAndDestroy()
        } else if (drawn === 2) counts.answerLost += 1
        else {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
          return
        }
        answer.resume()
      })
      // The receiver was killed: its sender sees a reset, as it would without a proxy.
      onward.once('error', () => request.socket.resetAndDestroy())
      onward.end(Buffer.concat(chunks))
    })
  })
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    async close() {
      agent.destroy()
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
