/** Listening collectors, what they share. */
import { once } from 'node:events'
import type { Server } from 'node:net'
import type { SenderSettings } from '../../../api/sidecar-config.ts'
import { TerminalError, messageOf } from '../../../errors.ts'
import type { Watched } from '../../files/watched.ts'
import type { CollectLimits } from './limits.ts'

export interface Collector {
  port: number
  /** Takes nothing new; resolves once all that was read is committed. */
  stop(): Promise<void>
  /** The grace is over: whoever still waits for an answer hears that its events were not delivered. */
  end(): void
}

/** Throws LSL_LISTEN_FAILED. */
export async function listen(
  server: Server,
  port: number,
  host: string,
  purpose: string,
): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    // Ends what belongs to it, as its listener for settings.
    server.close()
    throw new TerminalError('LSL_LISTEN_FAILED', [`${host}:${port}`, purpose, messageOf(cause)], {
      cause,
    })
  }
}

/** Keeps a server to limits.maxConnections as it stands now; whoever comes on top is closed. */
export function limitConnections(
  server: Server,
  settings: Watched<SenderSettings>,
  purpose: string,
  hit: CollectLimits,
): void {
  function apply({ limits }: SenderSettings): void {
    server.maxConnections = limits.maxConnections
  }
  apply(settings.current)
  server.once('close', settings.onChange(apply))
  server.on('drop', () => {
    hit('maxConnections', { where: purpose, maxConnections: server.maxConnections })
  })
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
