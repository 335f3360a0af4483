/** All objects that a link becomes, in the order in which they are written. */
import { certificateKind, keystorePasswordSecretName, roleName, type Role } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { needsIdentity, roles } from '../api/roles.ts'
import type { HostsFile } from '../api/sidecar-config.ts'
import { keystorePasswordSecret } from './keystore-password-secret.ts'
import { receiverCertificate } from './receiver-certificate.ts'
import { receiverConfigMap } from './receiver-config-map.ts'
import { receiverService } from './receiver-service.ts'
import { senderCertificate } from './sender-certificate.ts'
import { senderConfigMap } from './sender-config-map.ts'
import { whileSuspended } from './suspended.ts'
import { tlsSecret, tlsSecretOwnership } from './tls-secret-ownership.ts'

export interface DesiredInput {
  observed: Observed
  hosts: HostsFile
  /** PEM, as discovery made it. */
  trustBundle: string
  options: OperatorOptions
  /** Random; used only while the Secret of the keystores' password does not exist. */
  newPassword: string
}

/**
 * An object of ours that is to stay as it is comes back as the very object of `observed.objects`, which the plan knows
 * for "leave it": the password's Secret once it exists, and what a suspended link must not change.
 */
export function desiredObjects(input: DesiredInput): KubeObject[] {
  const { observed, hosts, trustBundle } = input
  const { link } = observed
  const { receiver, sender } = link.spec
  const objects = [
    ...(receiver.selector === undefined ? [] : [receiverService(link)]),
    ...identityObjects(input),
    ...(receiver.selector === undefined ? [] : [receiverConfigMap(observed, trustBundle)]),
    ...(sender === undefined ? [] : [senderConfigMap(observed, sender, { hosts, trustBundle })]),
  ]
  return link.spec.suspend ? whileSuspended(objects, observed) : objects
}

function identityObjects(input: DesiredInput): KubeObject[] {
  const { observed, newPassword } = input
  const { link } = observed
  const needing = roles.filter((role) => needsIdentity(link, role))
  if (needing.length === 0) return []
  const password = standing(observed, 'Secret', keystorePasswordSecretName(link.metadata.name))
  const certificates = needing.flatMap((role) =>
    identityOf(input, role, password?.metadata.resourceVersion),
  )
  return [password ?? keystorePasswordSecret(link, newPassword), ...certificates]
}

function identityOf(
  { observed, options }: DesiredInput,
  role: Role,
  passwordRevision: string | undefined,
): KubeObject[] {
  const secret = tlsSecret(observed, role)
  if (secret.state === 'foreign') {
    // Whatever Certificate of ours there is stays, none is made: it would write over the foreign Secret.
    const kept = standing(
      observed,
      certificateKind.kind,
      roleName(observed.link.metadata.name, role),
    )
    return [...(kept === undefined ? [] : [kept]), tlsSecretOwnership(observed, role)]
  }
  const certificate =
    role === 'receiver'
      ? receiverCertificate(observed, { clusterDomain: options.clusterDomain, passwordRevision })
      : senderCertificate(observed.link, passwordRevision)
  return secret.state === 'ours'
    ? [certificate, tlsSecretOwnership(observed, role, secret.secret.metadata.uid)]
    : [certificate]
}

/** Our own object of that name, or none. */
function standing({ link, objects }: Observed, kind: string, name: string): KubeObject | undefined {
  const { uid = '' } = link.metadata
  return objects.find(
    (object) => object.kind === kind && object.metadata.name === name && isOwnedBy(object, uid),
  )
}
