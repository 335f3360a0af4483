/** Which links an object of the cluster concerns. Plain data in, keys out. */
import {
  certificateKind,
  keystorePasswordSecretName,
  labels,
  roleName,
  tlsSecretName,
} from '../api/names.ts'
import type { LogstashLink } from '../api/link.ts'
import type { KubeObject } from '../api/objects.ts'
import { roles } from '../api/roles.ts'
import { kinds, serviceNameLabel } from './kinds.ts'
import { concerns } from './observe-pods.ts'
import { receiverServiceOf } from './observe.ts'

/** Whether a link is to be looked at again because of this object, as it is or as it was. */
export function isConcernedBy(link: LogstashLink, object: KubeObject): boolean {
  if (link.metadata.namespace !== object.metadata.namespace) return false
  switch (object.kind) {
    case kinds.pod.kind:
      return concerns(link, object)
    case kinds.endpointSlice.kind:
      return object.metadata.labels?.[serviceNameLabel] === receiverServiceOf(link)
    case kinds.service.kind:
      return object.metadata.name === receiverServiceOf(link) || bearsOwnName(link, object)
    case kinds.secret.kind:
      return isNamedSecret(link, object.metadata.name) || bearsOwnName(link, object)
    default:
      return bearsOwnName(link, object)
  }
}

/** Of a name that is the link's to use, ours or foreign; or ours under a name that it no longer uses. */
function bearsOwnName({ metadata: { name, uid } }: LogstashLink, object: KubeObject): boolean {
  const { metadata } = object
  return (
    ownNames(name, object.kind).includes(metadata.name) ||
    metadata.labels?.[labels.link] === name ||
    (metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false)
  )
}

function ownNames(link: string, kind: string): string[] {
  switch (kind) {
    case kinds.service.kind:
      return [roleName(link, 'receiver')]
    case kinds.configMap.kind:
    case certificateKind.kind:
      return roles.map((role) => roleName(link, role))
    case kinds.secret.kind:
      return [keystorePasswordSecretName(link), ...roles.map((role) => tlsSecretName(link, role))]
    default:
      return []
  }
}

function isNamedSecret({ spec }: LogstashLink, name: string): boolean {
  return spec.auth?.secretRef.name === name || spec.tls.trust?.secretRef.name === name
}
