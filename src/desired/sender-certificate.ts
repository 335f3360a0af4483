import type { LogstashLink } from '../api/link.ts'
import { roleName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import { certificate } from './certificate.ts'
import { namespaceOf } from './metadata.ts'

/** The identity by which senders prove that they belong to the link; nobody connects to its name. */
export function senderCertificate(
  link: LogstashLink,
  passwordRevision: string | undefined,
): KubeObject {
  const { metadata, spec } = link
  const own = `${roleName(metadata.name, 'sender')}.${namespaceOf(link)}.svc`
  // Issuers that refuse cluster names get the link's own, as in the receivers' certificate.
  const dnsNames =
    spec.tls.serviceNames || spec.tls.dnsNames.length === 0 ? [own] : spec.tls.dnsNames
  return certificate(
    link,
    'sender',
    { dnsNames, ipAddresses: [], usage: 'client auth' },
    passwordRevision,
  )
}
