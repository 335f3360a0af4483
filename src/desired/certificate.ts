/** A Certificate of cert-manager for one role of a link: what both roles have in common. */
import type { ICertificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate'
import type { LogstashLink } from '../api/link.ts'
import {
  annotations,
  certificateKind,
  keystorePasswordSecretName,
  roleName,
  tlsSecretName,
  type Role,
} from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import { objectLabels, objectMeta } from './metadata.ts'

/** The default, LegacyRC2, is refused by OpenSSL 3 and Java 20; Modern2026 needs newer ones than Logstash ships. */
const keystoreProfile = 'Modern2023'

/** All lists are always there, empty or not: a field that vanishes is harder to take back than one that empties. */
export interface Claims {
  dnsNames: string[]
  ipAddresses: string[]
  usage: 'server auth' | 'client auth'
}

/**
 * No commonName (64 characters at most, and nobody reads it). RSA 2048: many issuers (Vault's roles by default) sign no
 * other keys, and with connections that live for minutes the cheaper handshake of ECDSA would not show. PKCS #8 is the
 * only form of a key that Logstash's `ssl_key` reads.
 *
 * @param passwordRevision of the keystore's password, once its Secret exists: a change of an annotation in secretTemplate
 * makes cert-manager encode the keystore again, which a changed password alone does not.
 */
export function certificate(
  link: LogstashLink,
  role: Role,
  claims: Claims,
  passwordRevision: string | undefined,
): KubeObject {
  const { name } = link.metadata
  const { tls } = link.spec
  const spec = {
    secretName: tlsSecretName(name, role),
    dnsNames: claims.dnsNames,
    ipAddresses: claims.ipAddresses,
    usages: ['digital signature', 'key encipherment', claims.usage],
    duration: tls.duration,
    renewBefore: tls.renewBefore,
    privateKey: { algorithm: 'RSA', size: 2048, encoding: 'PKCS8', rotationPolicy: 'Always' },
    issuerRef: {
      name: tls.issuerRef?.name ?? '',
      kind: tls.issuerRef?.kind ?? 'Issuer',
      group: tls.issuerRef?.group ?? 'cert-manager.io',
    },
    keystores: {
      pkcs12: {
        create: true,
        profile: keystoreProfile,
        passwordSecretRef: { name: keystorePasswordSecretName(name), key: 'password' },
      },
    },
    secretTemplate: {
      labels: objectLabels(link, role),
      annotations: {
        [annotations.keystoreProfile]: keystoreProfile,
        ...(passwordRevision === undefined
          ? {}
          : { [annotations.keystoreRevision]: passwordRevision }),
      },
    },
  } satisfies NonNullable<ICertificate['spec']>
  return { ...certificateKind, metadata: objectMeta(link, roleName(name, role), { role }), spec }
}
