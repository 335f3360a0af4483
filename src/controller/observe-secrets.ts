/** Secrets of a link: their values end here, except for certificates. */
import { X509Certificate } from 'node:crypto'
import type { LogstashLink } from '../api/link.ts'
import { certificateNameAnnotation, roleName, tlsSecretName, type Role } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { IdentitySecret, Observed } from '../api/observed.ts'
import { roles } from '../api/roles.ts'
import { kinds } from './kinds.ts'

/** What cert-manager wrote for each role: the Secret says for which Certificate, and holds a leaf. */
export function observeIdentities(
  link: LogstashLink,
  secrets: readonly KubeObject[],
): Observed['identities'] {
  const found = roles.flatMap((role): [Role, IdentitySecret][] => {
    const secret = secrets.find(
      ({ metadata }) => metadata.name === tlsSecretName(link.metadata.name, role),
    )
    const identity = secret === undefined ? undefined : identityOf(link, role, secret)
    return identity === undefined ? [] : [[role, identity]]
  })
  return Object.fromEntries(found)
}

function identityOf(
  link: LogstashLink,
  role: Role,
  secret: KubeObject,
): IdentitySecret | undefined {
  const { name, namespace = '', annotations } = secret.metadata
  if (annotations?.[certificateNameAnnotation] !== roleName(link.metadata.name, role))
    return undefined
  const leaf = valueOf(secret, 'tls.crt')
  if (leaf === undefined) return undefined
  const ca = valueOf(secret, 'ca.crt')
  const notAfter = notAfterOf(leaf)
  return {
    key: { ...kinds.secret, namespace, name },
    ...(ca === undefined ? {} : { ca }),
    ...(notAfter === undefined ? {} : { notAfter }),
  }
}

/** RFC 3339; undefined where the text is no certificate, which IdentityReady reports. */
function notAfterOf(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).validToDate.toISOString().replace(/\.\d+Z$/, 'Z')
  } catch {
    return undefined
  }
}

/** The Secret of basic authentication: which keys there are, and a revision that changes with any of them. */
export function observeAuth(
  secret: KubeObject | undefined,
): NonNullable<Observed['named']['auth']> {
  if (secret === undefined) return { exists: false, keys: [] }
  const { resourceVersion } = secret.metadata
  return {
    exists: true,
    keys: Object.keys(dataOf(secret)).toSorted(),
    ...(resourceVersion === undefined ? {} : { revision: resourceVersion }),
  }
}

/** The one key that tls.trust names. */
export function observeTrust(
  secret: KubeObject | undefined,
  key: string,
): NonNullable<Observed['named']['trust']> {
  const content = secret === undefined ? undefined : valueOf(secret, key)
  return { exists: secret !== undefined, ...(content === undefined ? {} : { content }) }
}

/** A Secret as the pure rooms see it: who made it and what it is called, no value. */
export function withoutValues(secret: KubeObject): KubeObject {
  const { data: _data, stringData: _stringData, ...rest } = secret
  return rest
}

function valueOf(secret: KubeObject, key: string): string | undefined {
  const value = dataOf(secret)[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
}

function dataOf(secret: KubeObject): Record<string, string> {
  return (secret['data'] as Record<string, string> | undefined) ?? {}
}
