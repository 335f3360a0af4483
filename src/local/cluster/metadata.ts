/** What every object must satisfy, whatever its kind: names, labels, annotations, sizes. */
import type { KubeObject, ObjectMeta } from '../../api/objects.ts'
import { isMapData } from './core-kinds.ts'
import { isMap } from './list-types.ts'

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const label1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const qualifiedPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/

const maxAnnotations = 256 * 1024
const maxData = 1024 * 1024

/** Sentences for what the API server would refuse; empty when all is well. */
export function metadataProblems(object: KubeObject): string[] {
  const { metadata } = object
  return [
    ...nameProblems(object),
    ...labelProblems(metadata),
    ...annotationProblems(metadata),
    ...ownerProblems(metadata),
    ...dataProblems(object),
  ]
}

function nameProblems({ kind, metadata: { name, namespace } }: KubeObject): string[] {
  const problems: string[] = []
  const [pattern, limit, form] = nameForm(kind)
  if (name.length === 0) problems.push('metadata.name: Required value: name or generateName')
  else if (name.length > limit || !pattern.test(name)) {
    problems.push(`metadata.name: Invalid value: "${name}": must be ${form}`)
  }
  if (namespace !== undefined && (namespace.length > 63 || !label.test(namespace))) {
    problems.push(`metadata.namespace: Invalid value: "${namespace}": must be an RFC 1123 label`)
  }
  return problems
}

function nameForm(kind: string): [RegExp, number, string] {
  if (kind === 'Service') return [label1035, 63, 'an RFC 1035 label of at most 63 characters']
  if (kind === 'Namespace') return [label, 63, 'an RFC 1123 label of at most 63 characters']
  return [subdomain, 253, 'an RFC 1123 subdomain of at most 253 characters']
}

function labelProblems({ labels }: ObjectMeta): string[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameProblems('metadata.labels', key),
    ...(typeof value === 'string' &&
    (value === '' || (value.length <= 63 && qualifiedPart.test(value)))
      ? []
      : [`metadata.labels: Invalid value: ${JSON.stringify(value)}: not a label value`]),
  ])
}

function annotationProblems({ annotations }: ObjectMeta): string[] {
  const entries = Object.entries(annotations ?? {})
  const size = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  return [
    ...entries.flatMap(([key, value]) => [
      ...qualifiedNameProblems('metadata.annotations', key.toLowerCase()),
      ...(typeof value === 'string'
        ? []
        : [`metadata.annotations: Invalid value: ${JSON.stringify(value)}: must be a string`]),
    ]),
    ...(size > maxAnnotations ? ['metadata.annotations: Too long: at most 262144 bytes'] : []),
  ]
}

function ownerProblems({ ownerReferences }: ObjectMeta): string[] {
  return (ownerReferences ?? []).flatMap((owner) =>
    [owner.apiVersion, owner.kind, owner.name, owner.uid].every((part) => Boolean(part))
      ? []
      : ['metadata.ownerReferences: Required value: apiVersion, kind, name and uid'],
  )
}

function dataProblems(object: KubeObject): string[] {
  const data = object['data']
  if (!isMapData(object) || !isMap(data)) return []
  const wrong = Object.entries(data).filter(([, value]) => typeof value !== 'string')
  const size = Object.values(data).reduce<number>((sum, value) => sum + String(value).length, 0)
  return [
    ...wrong.map(([key]) => `data.${key}: Invalid value: must be a string`),
    ...(size > maxData ? ['data: Too long: at most 1048576 bytes'] : []),
  ]
}

function qualifiedNameProblems(field: string, key: string): string[] {
  const parts = key.split('/')
  const name = parts.at(-1) ?? ''
  const prefix = parts.length === 2 ? (parts[0] ?? '') : undefined
  const good =
    parts.length <= 2 &&
    name.length <= 63 &&
    qualifiedPart.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && subdomain.test(prefix)))
  return good ? [] : [`${field}: Invalid value: ${JSON.stringify(key)}: not a qualified name`]
}
