/** TLS of outgoing connections: whom to believe, which name to find in the certificate, whom to show oneself as. */
import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import type { Identity } from './identity.ts'
import type { Trust } from './trust.ts'

export interface ClientTls {
  /** Not needed without verification. Callers wait until there is one: its absence trusts nobody. */
  trust: Trust | undefined
  identity?: Identity | undefined
  /** None: encrypted, and yet with anybody. */
  verification: 'Full' | 'None'
  /** What to find in the certificate: a DNS name, IPv4, or IPv6 without brackets. */
  name: string
}

/**
 * Options for tls.connect and https.Agent. Make a new agent, with no session of the old one, whenever the trust or the
 * identity changes: a resumed session is not verified again.
 */
export function clientTlsOptions(tls: ClientTls): ConnectionOptions {
  const { trust, identity, verification, name } = tls
  const verifies = verification === 'Full'
  const ca = trust === undefined ? [] : trust.ca
  return {
    ...identity?.options,
    ...(ca === undefined ? {} : { ca }),
    // RFC 6066 forbids an IP here; the empty string keeps Node from putting the host's own.
    servername: isIP(name) === 0 ? name : '',
    rejectUnauthorized: verifies,
    // What is verified is what was asked for, whatever the layer between takes for the host's name.
    checkServerIdentity: (_host, certificate) =>
      verifies ? checkServerIdentity(name, certificate) : undefined,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  }
}
