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
  /** The name (or IP) to find in the certificate in place of the host's own. */
  serverName?: string | undefined
  /** A DNS name, IPv4, or IPv6 without brackets. */
  host: string
}

/**
 * Options for tls.connect and undici's `connect`. Make a new pool, with no session of the old one, whenever the trust or
 * the identity changes: a resumed session is not verified again.
 */
export function clientTlsOptions(tls: ClientTls): ConnectionOptions {
  const { trust, identity, verification, host } = tls
  const expected = tls.serverName === undefined || tls.serverName === '' ? host : tls.serverName
  const verifies = verification === 'Full'
  const ca = trust === undefined ? [] : trust.ca
  return {
    ...identity?.options,
    ...(ca === undefined ? {} : { ca }),
    // RFC 6066 forbids an IP here; the empty string keeps undici and Node from putting the host's own.
    servername: isIP(expected) === 0 ? expected : '',
    rejectUnauthorized: verifies,
    // What is verified is what was asked for, whatever the layer between takes for the host's name.
    checkServerIdentity: (_host, certificate) =>
      verifies ? checkServerIdentity(expected, certificate) : undefined,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  }
}
