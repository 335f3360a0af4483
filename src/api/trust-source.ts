/** Where the authorities come from that senders of a link trust. */
import type { LogstashLink } from './link.ts'

/** Issuer: of our own receivers' certificates. Secret: named by tls.trust. System: the machine's list. None: no TLS. */
export type TrustKind = 'Issuer' | 'Secret' | 'System' | 'None'

export function trustKind({ spec }: LogstashLink): TrustKind {
  if (!spec.tls.enabled) return 'None'
  if (spec.receiver.selector !== undefined) return 'Issuer'
  return spec.tls.trust === undefined ? 'System' : 'Secret'
}
