/** The same endpoints for the control plane, by fastify, which it has in memory anyway for the webhook. */
import { fastify } from 'fastify'
import type { AddressInfo } from 'node:net'
import { answerFor } from './answers.ts'
import { listenFailed, type HealthOptions, type HealthServer } from './health.ts'

/** Listens. Throws LSL_LISTEN_FAILED where the address cannot be had. */
export async function startControlPlaneHealth(options: HealthOptions): Promise<HealthServer> {
  const { host, port, log } = options
  const server = fastify({ logger: false, forceCloseConnections: 'idle' })
  // Bodies are of no interest: any type is let pass unread, so that the answer is about the method.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  server.all('*', async (request, reply) => {
    const { status, headers, body } = await answerFor(options, request.method, request.url)
    return reply
      .code(status)
      .headers(headers)
      .send(request.method === 'HEAD' ? null : body)
  })
  server.server.on('clientError', (error) => {
    log.debug({ err: error }, 'A request to the health endpoints was no HTTP')
  })
  try {
    await server.listen({ host, port })
  } catch (error) {
    throw listenFailed(`${host}:${port}`, error)
  }
  return {
    port: (server.server.address() as AddressInfo).port,
    close: async () => {
      await server.close()
    },
  }
}
