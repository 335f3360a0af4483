/** What sidecar.json of both roles says alike. */
import type { LogstashLink } from '../api/link.ts'
import { configFiles, mounts, type Role } from '../api/names.ts'
import { parseQuantity } from '../api/quantity.ts'
import type {
  CredentialsSource,
  DeadLetterSettings,
  IdentitySource,
} from '../api/sidecar-config.ts'
import { trustKind } from '../api/trust-source.ts'
import { fromConfig } from './mount-paths.ts'
import { namespaceOf } from './metadata.ts'
import { statePath } from './state-volume.ts'

export function linkKey(link: LogstashLink): string {
  return `${namespaceOf(link)}/${link.metadata.name}`
}

/** PEM: the keystore is for real Logstash. The bundle beside it holds its authority only where that is the issuer's. */
export function identitySource(link: LogstashLink): IdentitySource {
  return {
    type: 'pem',
    cert: fromConfig(mounts.identity, 'tls.crt'),
    key: fromConfig(mounts.identity, 'tls.key'),
    ...(trustKind(link) === 'Issuer' ? { ca: configFiles.trust } : {}),
  }
}

export function credentials(link: LogstashLink): { auth?: CredentialsSource } {
  if (link.spec.auth === undefined) return {}
  const username = { file: fromConfig(mounts.auth, 'username') }
  const password = { file: fromConfig(mounts.auth, 'password') }
  return { auth: { username, password } }
}

export function deadLetter(link: LogstashLink, role: Role): DeadLetterSettings {
  const settings =
    role === 'receiver' ? link.spec.receiver.deadLetter : link.spec.sender?.deadLetter
  return {
    directory: statePath(link, role, 'dead-letter'),
    maxSize: parseQuantity(settings?.maxSize ?? '', `spec.${role}.deadLetter.maxSize`),
  }
}
