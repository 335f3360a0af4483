/** Secrets of a link: their values end here, except for certificates. */
import { X509Certificate } from 'node:crypto'
import type { LogstashLink } from '../api/link.ts'
import {
  certificateNameAnnotation,
  keystorePasswordSecretName,
  roleName,
  tlsSecretName,
  type Role,
} from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { IdentitySecret, Observed } from '../api/observed.ts'
import { roles } from '../api/roles.ts'
import { kinds } from './kinds.ts'
import { reducedSecret } from './reduced.ts'

/** A Secret without what nobody is to see. */
export interface ReadSecret {
  name: string
  version: string | undefined
  /** As the pure rooms see it: who made it and what it is called, no value. The same one for the same version. */
  shell: KubeObject
  keys: string[]
  /** What is certificates and nothing else; a text that is none in place of anything else. */
  valueOf: (key: string) => string | undefined
  /** Of `tls.crt`; undefined where there is none, empty where it is none. */
  leaf: { notAfter?: string; fingerprint?: string } | undefined
}

export interface SecretReader {
  read: (secret: KubeObject) => ReadSecret
}

/** Remembers what it read as long as the object lives: parsing certificates takes longer than all else in a look. */
export function createSecretReader(): SecretReader {
  const known = new WeakMap<KubeObject, ReadSecret>()
  return {
    read(secret) {
      const found = known.get(secret) ?? readSecret(secret)
      known.set(secret, found)
      return found
    },
  }
}

function readSecret(secret: KubeObject): ReadSecret {
  const { data: reduced, ...shell } = reducedSecret(secret)
  const data = reduced as Record<string, string>
  const valueOf = (key: string) => {
    const value = data[key]
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
  }
  const leaf = valueOf('tls.crt')
  return {
    name: secret.metadata.name,
    version: secret.metadata.resourceVersion,
    shell,
    keys: Object.keys(data).toSorted(),
    valueOf,
    leaf: leaf === undefined ? undefined : leafOf(leaf),
  }
}

/** Empty where the text is no certificate, which IdentityReady reports. */
function leafOf(pem: string): NonNullable<ReadSecret['leaf']> {
  try {
    const { validToDate, fingerprint256 } = new X509Certificate(pem)
    const notAfter = validToDate.toISOString().replace(/\.\d+Z$/, 'Z')
    return { notAfter, fingerprint: fingerprint256 }
  } catch {
    return {}
  }
}

export function ownSecretNames({ metadata: { name } }: LogstashLink): string[] {
  return [keystorePasswordSecretName(name), ...roles.map((role) => tlsSecretName(name, role))]
}

/** What cert-manager wrote for each role: the Secret says for which Certificate, and holds a leaf. */
export function identitiesOf(
  link: LogstashLink,
  secrets: readonly ReadSecret[],
): Observed['identities'] {
  const found = roles.flatMap((role): [Role, IdentitySecret][] => {
    const secret = secrets.find(({ name }) => name === tlsSecretName(link.metadata.name, role))
    const identity = secret === undefined ? undefined : identityOf(link, role, secret)
    return identity === undefined ? [] : [[role, identity]]
  })
  return Object.fromEntries(found)
}

function identityOf(
  link: LogstashLink,
  role: Role,
  { shell, leaf, valueOf }: ReadSecret,
): IdentitySecret | undefined {
  const { name, namespace = '', annotations } = shell.metadata
  if (annotations?.[certificateNameAnnotation] !== roleName(link.metadata.name, role))
    return undefined
  if (leaf === undefined) return undefined
  const ca = valueOf('ca.crt')
  const key: ObjectKey = { ...kinds.secret, namespace, name }
  return { key, ...(ca === undefined ? {} : { ca }), ...leaf }
}

/** The Secrets that the link names, as far as it names any. */
export function namedSecrets(
  { spec }: LogstashLink,
  secrets: readonly ReadSecret[],
): Observed['named'] {
  const find = (wanted: string) => secrets.find(({ name }) => name === wanted)
  const { auth, tls } = spec
  return {
    ...(auth === undefined ? {} : { auth: authOf(find(auth.secretRef.name)) }),
    ...(tls.trust === undefined
      ? {}
      : { trust: trustOf(find(tls.trust.secretRef.name), tls.trust.secretRef.key) }),
  }
}

/** Basic authentication: which keys there are, and a revision that changes with any of them. */
function authOf(secret: ReadSecret | undefined): NonNullable<Observed['named']['auth']> {
  if (secret === undefined) return { exists: false, keys: [] }
  const { keys, version } = secret
  return { exists: true, keys, ...(version === undefined ? {} : { revision: version }) }
}

function trustOf(
  secret: ReadSecret | undefined,
  key: string,
): NonNullable<Observed['named']['trust']> {
  const content = secret?.valueOf(key)
  return { exists: secret !== undefined, ...(content === undefined ? {} : { content }) }
}
