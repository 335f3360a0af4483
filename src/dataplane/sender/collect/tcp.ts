/** collect.tcp: newline-delimited events on the pod's loopback. */
import net from 'node:net'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import type { Watched } from '../../files/watched.ts'
import { listen, portOf, type Collector } from './listen.ts'
import { collectStream, type StreamDeps } from './stream.ts'

export async function collectTcp(
  settings: Watched<SenderSettings>,
  port: number,
  deps: Omit<StreamDeps, 'maxLine' | 'source'>,
): Promise<Collector> {
  const connections = new Map<net.Socket, Promise<void>>()
  const server = net.createServer((socket) => {
    const { maxLine } = settings.current.limits
    // Errors of the socket end the loop of collectStream; afterwards nobody listens any more.
    socket.on('error', () => undefined)
    const work = collectStream(socket, {
      ...deps,
      maxLine,
      source: 'collect.tcp',
    }).finally(() => {
      connections.delete(socket)
      socket.destroy()
    })
    connections.set(socket, work)
  })
  server.maxConnections = settings.current.limits.maxConnections
  server.on('drop', () => {
    deps.log.warn(
      { limit: server.maxConnections },
      'collect.tcp: too many connections, one refused',
    )
  })
  await listen(server, port, settings.current.loopback, 'collect.tcp')
  return {
    port: portOf(server),
    async stop() {
      server.close()
      for (const socket of connections.keys()) socket.destroy()
      await Promise.all(connections.values())
    },
    end: () => undefined,
  }
}
