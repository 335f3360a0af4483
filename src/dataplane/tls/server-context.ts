/** TLS of a listening server: whom it shows itself as and whom it lets in. */
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { ReceiverFile } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Identity } from './identity.ts'
import type { Trust } from './trust.ts'

export interface ServerTls {
  identity: Identity
  /** Holds for the life of a server; the rest may change under it. */
  clientAuthentication: Extract<ReceiverFile['tls'], { enabled: true }>['clientAuthentication']
  /** As long as it is awaited, no client certificate passes. */
  clientTrust: Trust | undefined
}

/**
 * For https.createServer and setSecureContext. A resumed session is not verified again, so give each context ticket keys
 * (48 bytes) of its own: old tickets are then worthless, and who is no longer trusted must come with a whole handshake.
 */
export function serverContext(
  { identity, clientAuthentication, clientTrust }: ServerTls,
  ticketKeys: Buffer,
): SecureContextOptions & { ticketKeys: Buffer } {
  // An empty list trusts nobody, where a missing one would trust all that the system trusts.
  const ca = clientTrust === undefined ? [] : clientTrust.ca
  return {
    ...identity.options,
    ...(clientAuthentication === 'None' || ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
    ticketKeys,
  }
}

/**
 * For https.createServer, beside the context. With Optional, Node would let a client in whose certificate is bad:
 * `refusedCertificate` finds that one.
 */
export function clientDemands(clientAuthentication: ServerTls['clientAuthentication']): {
  requestCert: boolean
  rejectUnauthorized: boolean
} {
  return {
    requestCert: clientAuthentication !== 'None',
    rejectUnauthorized: clientAuthentication === 'Required',
  }
}

/**
 * Why the certificate that a client showed is no good; undefined where it is, or none was shown. Ask in a listener of
 * `secureConnection` that stands before the server's own, which begins to read requests.
 */
export function refusedCertificate(socket: TLSSocket): string | undefined {
  const shown = Object.keys(socket.getPeerCertificate()).length > 0
  return socket.authorized || !shown ? undefined : messageOf(socket.authorizationError)
}
