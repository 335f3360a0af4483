/** collect.tcp: newline-delimited events on the pod's loopback. */
import net from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import type { Watched } from '../../files/watched.ts'
import type { CollectLimits } from './limits.ts'
import { limitConnections, listen, portOf, type Collector } from './listen.ts'
import { collectStream, type CollectedStream, type StreamDeps } from './stream.ts'

export async function collectTcp(
  settings: Watched<SenderSettings>,
  port: number,
  deps: Omit<StreamDeps, 'maxLine' | 'source'> & { hit: CollectLimits },
): Promise<Collector & Pick<CollectedStream, 'untaken'>> {
  const connections = new Set<CollectedStream>()
  /** Of connections that are closed. */
  let untaken = 0
  let accepted = 0
  const server = net.createServer((socket) => {
    accepted += 1
    const { maxLine } = settings.current.limits
    const connection = collectStream(socket, { ...deps, maxLine, source: 'collect.tcp' })
    connections.add(connection)
    void connection.done.then(() => {
      connections.delete(connection)
      untaken += connection.untaken()
    })
  })
  limitConnections(server, settings, 'collect.tcp', deps.hit)
  await listen(server, port, settings.current.loopback, 'collect.tcp')
  return {
    port: portOf(server),
    async stop() {
      // Who has connected by now is still to be accepted, one in each turn of Node's loop: applications that wrote and ended.
      for (let before = -1; before < accepted; ) {
        before = accepted
        await setImmediate()
        await setImmediate()
      }
      server.close()
      const open = [...connections]
      for (const connection of open) connection.stop()
      await Promise.all(open.map(({ done }) => done))
    },
    untaken: () =>
      [...connections].reduce((sum, connection) => sum + connection.untaken(), untaken),
    // One that waits for room in a queue that nobody empties any more would keep the process alive.
    end() {
      for (const connection of connections) connection.end()
    },
  }
}
