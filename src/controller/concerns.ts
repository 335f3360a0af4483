/**
 * Which links an object of the cluster concerns. Both sides name places, and meet where they name the same: an event then
 * costs as many looks as there are links that it may concern, however many there are. Plain data.
 *
 *  link                                        | place                    | object
 *  --------------------------------------------+--------------------------+-----------------------------------------
 *  itself                                      | `link NS NAME`           | its label, an owner, a pod's annotation
 *  names that are its to use, that it refers to | `KIND NS NAME`           | of that name
 *  the Service of its receivers                | `endpoints NS SERVICE`   | EndpointSlices of that Service
 *  one label that a selector of it asks for    | `pods NS KEY=VALUE`      | pods with that label
 *  a selector without such                     | `pods NS`                | any pod
 */
import {
  certificateKind,
  group,
  keystorePasswordSecretName,
  kind,
  labels,
  roleName,
  tlsSecretName,
} from '../api/names.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Kind, KubeObject, ObjectKey } from '../api/objects.ts'
import { needsIdentity, roles, selectorOf } from '../api/roles.ts'
import { kinds, serviceNameLabel } from './kinds.ts'

/** Where a link is to be found. */
export function placesOfLink(link: LogstashLink): string[] {
  const { name, namespace = '' } = link.metadata
  const service = receiverServiceOf(link)
  return [
    `link ${namespace} ${name}`,
    `${kinds.service.kind} ${namespace} ${roleName(name, 'receiver')}`,
    ...roles.flatMap((role) => [
      `${kinds.configMap.kind} ${namespace} ${roleName(name, role)}`,
      `${certificateKind.kind} ${namespace} ${roleName(name, role)}`,
      ...podPlace(link, namespace, role),
    ]),
    ...namedObjects(link).map((key) => `${key.kind} ${namespace} ${key.name}`),
    ...(service === undefined ? [] : [`endpoints ${namespace} ${service}`]),
  ]
}

/** Where the links are to be found that an object may concern; of pods some that it does not are found too. */
export function placesOfObject({ kind: of, metadata }: KubeObject): string[] {
  const { name, namespace = '' } = metadata
  if (of === kinds.endpointSlice.kind) {
    return [`endpoints ${namespace} ${metadata.labels?.[serviceNameLabel] ?? ''}`]
  }
  if (of === kinds.pod.kind) {
    return [
      `pods ${namespace}`,
      ...Object.entries(metadata.labels ?? {}).map(
        ([key, value]) => `pods ${namespace} ${key}=${value}`,
      ),
      ...Object.keys(metadata.annotations ?? {}).flatMap((key) => {
        const link = annotated.exec(key)?.[1]
        return link === undefined ? [] : [`link ${namespace} ${link}`]
      }),
    ]
  }
  return [
    `${of} ${namespace} ${name}`,
    ...linkNamesOf(metadata).map((link) => `link ${namespace} ${link}`),
  ]
}

const annotated = new RegExp(`^(?:receiver|sender)\\.${group.replaceAll('.', '\\.')}/(.+)$`)

/** The links, existing or not, for which an object says that it was made. */
export function linkNamesOf({
  labels: has,
  ownerReferences = [],
}: KubeObject['metadata']): string[] {
  const label = has?.[labels.link]
  const owners = ownerReferences.filter((owner) => owner.kind === kind).map(({ name }) => name)
  return [...new Set([...(label === undefined ? [] : [label]), ...owners])]
}

/** Of objects that no watch of all of them shows, those that a link needs to see: Secrets, and a Service of others. */
export function namedObjects(link: LogstashLink): ObjectKey[] {
  const { name, namespace = '' } = link.metadata
  const { auth, receiver } = link.spec
  const needing = roles.filter((role) => needsIdentity(link, role))
  const of = ({ apiVersion, kind: one }: Kind, named: string) => {
    return { apiVersion, kind: one, namespace, name: named }
  }
  return [
    ...needing.map((role) => of(kinds.secret, tlsSecretName(name, role))),
    ...(needing.length === 0 ? [] : [of(kinds.secret, keystorePasswordSecretName(name))]),
    ...(auth === undefined ? [] : [of(kinds.secret, auth.secretRef.name)]),
    ...trustSecretOf(link).map((secret) => of(kinds.secret, secret)),
    ...(receiver.serviceRef === undefined ? [] : [of(kinds.service, receiver.serviceRef.name)]),
  ]
}

function trustSecretOf({ spec }: LogstashLink): string[] {
  return spec.tls.trust === undefined ? [] : [spec.tls.trust.secretRef.name]
}

/** The Service whose endpoints are a link's receivers; undefined where they are listed by hand. */
export function receiverServiceOf({ metadata, spec }: LogstashLink): string | undefined {
  if (spec.receiver.serviceRef !== undefined) return spec.receiver.serviceRef.name
  return spec.receiver.selector === undefined ? undefined : roleName(metadata.name, 'receiver')
}

function podPlace(link: LogstashLink, namespace: string, role: (typeof roles)[number]): string[] {
  const selector = selectorOf(link, role)
  if (selector === undefined) return []
  const [first] = Object.entries(selector.matchLabels ?? {})
  return [first === undefined ? `pods ${namespace}` : `pods ${namespace} ${first[0]}=${first[1]}`]
}
