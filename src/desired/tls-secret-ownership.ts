import {
  certificateKind,
  certificateNameAnnotation,
  roleName,
  tlsSecretName,
  type Role,
} from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { isOwnedBy, ownerReferences } from '../api/ownership.ts'
import { namespaceOf } from './metadata.ts'

/**
 * What stands under the name of a role's TLS Secret.
 *
 *  Secret                                        | means
 *  ----------------------------------------------+------------------------------------------------------------
 *  none                                          | free
 *  written for a Certificate of another name     | foreign: cert-manager must not be told to write there
 *  for our name, our Certificate stands          | ours to own
 *  for our name, no Certificate of ours (yet)    | free: a leftover, which cert-manager takes up again
 */
export function tlsSecret(
  { link, objects }: Observed,
  role: Role,
): { state: 'free' } | { state: 'foreign' | 'ours'; secret: KubeObject } {
  const { name, uid = '' } = link.metadata
  const secret = find(objects, 'Secret', tlsSecretName(name, role))
  if (secret === undefined) return { state: 'free' }
  if (isOwnedBy(secret, uid)) return { state: 'ours', secret }
  const writtenFor = secret.metadata.annotations?.[certificateNameAnnotation]
  if (writtenFor !== roleName(name, role)) return { state: 'foreign', secret }
  const owner = find(objects, certificateKind.kind, roleName(name, role))
  return isOurs(owner, link) ? { state: 'ours', secret } : { state: 'free' }
}

/**
 * Our owner references and nothing else: without the link's the Secret, which cert-manager leaves behind, would outlive
 * the link and the password of its keystore. The Certificate is an owner too, since the garbage collector waits for all of
 * them: a Secret that went before its Certificate would be issued anew, and stay. With the uid of a Secret that is ours to
 * own; without it for a foreign one, which makes that a conflict.
 */
export function tlsSecretOwnership(observed: Observed, role: Role, uid?: string): KubeObject {
  const { link, objects } = observed
  const { name: linkName } = link.metadata
  const certificate = find(objects, certificateKind.kind, roleName(linkName, role))
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: tlsSecretName(linkName, role),
      namespace: namespaceOf(link),
      ...(uid === undefined ? {} : { uid }),
      ...ownerReferences(link, ...(isOurs(certificate, link) ? [certificate] : [])),
    },
  }
}

function isOurs(
  object: KubeObject | undefined,
  { metadata: { uid } }: Observed['link'],
): object is KubeObject {
  return object !== undefined && uid !== undefined && isOwnedBy(object, uid)
}

function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject | undefined {
  return objects.find((object) => object.kind === kind && object.metadata.name === name)
}
