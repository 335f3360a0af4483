/** TLS of a listening server: whom it shows itself as and whom it lets in, kept up with the files. */
import { randomBytes } from 'node:crypto'
import type { Server, ServerOptions } from 'node:https'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { ReceiverFile } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Identity } from './identity.ts'
import type { Reloading } from './reloading.ts'
import type { Trust } from './trust.ts'

type ClientAuthentication = Extract<ReceiverFile['tls'], { enabled: true }>['clientAuthentication']

export interface ServerTls {
  identity: Reloading<Identity>
  clientAuthentication: ClientAuthentication
  /** Needed unless clientAuthentication is None; as long as there is nothing in it, no client certificate passes. */
  clientTrust?: Reloading<Trust>
}

/**
 * Options for https.createServer. `clientAuthentication` holds for the life of that server. Without an identity the
 * server may listen already: each handshake fails until there is one.
 */
export function serverTlsOptions(tls: ServerTls): ServerOptions {
  const asks = tls.clientAuthentication !== 'None'
  return {
    ...contextOf(tls),
    requestCert: asks,
    // With Optional a client without a certificate is let in, and one with a bad certificate is not: see keepServerTls.
    rejectUnauthorized: tls.clientAuthentication === 'Required',
    handshakeTimeout: 10_000,
    ALPNProtocols: ['http/1.1'],
  }
}

/**
 * Gives each change of identity and client trust to new connections; those that are open keep what they have. Refusals
 * go to `onRefused` as sentences. A context that TLS refuses leaves the one before in place and is logged.
 */
export function keepServerTls(
  server: Server,
  tls: ServerTls,
  { log, onRefused = () => undefined }: { log: Log; onRefused?: (reason: string) => void },
): { close(): void } {
  const apply = (): void => {
    try {
      server.setSecureContext(contextOf(tls))
    } catch (error) {
      log.error({ err: error }, `The server keeps its TLS context: ${messageOf(error)}`)
    }
  }
  const onSecure = (socket: TLSSocket): void => {
    if (tls.clientAuthentication !== 'Optional' || socket.authorized) return
    if (Object.keys(socket.getPeerCertificate()).length === 0) return
    onRefused(`client certificate: ${messageOf(socket.authorizationError)}`)
    socket.destroy()
  }
  const onError = (error: Error): void => onRefused(messageOf(error))
  // Before the server's own listener, which would begin to read requests.
  server.prependListener('secureConnection', onSecure)
  server.on('tlsClientError', onError)
  const ends = [tls.identity.onChange(apply), tls.clientTrust?.onChange(apply)]
  return {
    close: () => {
      for (const end of ends) end?.()
      server.off('secureConnection', onSecure)
      server.off('tlsClientError', onError)
    },
  }
}

function contextOf({
  identity,
  clientAuthentication,
  clientTrust,
}: ServerTls): SecureContextOptions & {
  ticketKeys: Buffer
} {
  const trust = clientTrust?.current
  // An empty list trusts nobody, where a missing one would trust all that the system trusts.
  const ca = trust === undefined ? [] : trust.ca
  return {
    ...identity.current?.options,
    ...(clientAuthentication === 'None' || ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
    // A resumed session is not verified again: new keys with each context make old tickets worthless, so that whoever
    // is no longer trusted must come with a whole handshake.
    ticketKeys: randomBytes(48),
  }
}
