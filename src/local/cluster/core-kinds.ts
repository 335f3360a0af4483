/** What the API server does of itself to kinds of Kubernetes' own: defaults on write, and fields that never change. */
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/objects.ts'
import { isMap } from './list-types.ts'
import type { JsonMap } from './list-types.ts'

/**
 * What a write means: in Kubernetes' own kinds null is the same as absent, and a Secret's stringData, which is never
 * stored, becomes data.
 */
export function normalised(given: KubeObject): KubeObject {
  const object = isOwnKind(given) ? (withoutNulls(given) as KubeObject) : given
  if (object.kind !== 'Secret' || !isMap(object['stringData'])) return object
  const { stringData, data, ...rest } = object
  const encoded = Object.entries(stringData).map(([name, value]) => [
    name,
    Buffer.from(String(value)).toString('base64'),
  ])
  return { ...rest, data: { ...(isMap(data) ? data : {}), ...Object.fromEntries(encoded) } }
}

/** Not of a custom resource, where a schema has the word on null. */
function isOwnKind({ apiVersion }: KubeObject): boolean {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  return !group.includes('.') || group.endsWith('.k8s.io')
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isMap(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      field === null ? [] : [[name, withoutNulls(field)]],
    ),
  )
}

/** With the defaults that the API server fills in, as far as the control plane reads or writes such fields. */
export function defaulted(object: KubeObject): KubeObject {
  if (object.apiVersion !== 'v1') return object
  if (object.kind === 'Secret') return { ...object, type: object['type'] ?? 'Opaque' }
  if (object.kind !== 'Service') return object
  const spec = mapOf(object['spec'])
  const ports = listOf(spec['ports']).map((port) => ({
    protocol: 'TCP',
    targetPort: mapOf(port)['port'],
    ...mapOf(port),
  }))
  return {
    ...object,
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ...(spec['clusterIP'] === 'None' ? { clusterIPs: ['None'] } : {}),
      ...spec,
      ...(ports.length > 0 ? { ports } : {}),
    },
  }
}

/** Sentences for what a pod lacks; of other kinds the schema is not known here. */
export function missingFields({ apiVersion, kind, spec }: KubeObject): string[] {
  if (apiVersion !== 'v1' || kind !== 'Pod') return []
  return listOf(mapOf(spec)['containers']).length > 0 ? [] : ['spec.containers: Required value']
}

/** Sentences for changes that the API server refuses. */
export function forbiddenChanges(before: KubeObject, after: KubeObject): string[] {
  const problems: string[] = []
  const refuse = (field: string, was: unknown, is: unknown) => {
    if (!isDeepStrictEqual(was, is)) problems.push(`${field}: Forbidden: field is immutable`)
  }
  if (after.kind === 'Secret' && after.apiVersion === 'v1')
    refuse('type', before['type'], after['type'])
  if (isMapData(after) && before['immutable'] === true)
    refuse('data', before['data'], after['data'])
  if (after.kind === 'Service' && after.apiVersion === 'v1') {
    refuse('spec.clusterIP', mapOf(before['spec'])['clusterIP'], mapOf(after['spec'])['clusterIP'])
  }
  if (after.kind === 'Pod' && after.apiVersion === 'v1') {
    refuse('spec', fixedPodSpec(before, after), fixedPodSpec(after, after))
  }
  if (after.apiVersion === 'apps/v1') {
    refuse('spec.selector', mapOf(before['spec'])['selector'], mapOf(after['spec'])['selector'])
  }
  return problems
}

/** Objects whose data is bounded by 1 MiB. */
export function isMapData({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === 'v1' && (kind === 'Secret' || kind === 'ConfigMap')
}

/** What of a pod's spec may not change: all but images, and the node once it is given. */
function fixedPodSpec(pod: KubeObject, after: KubeObject): JsonMap {
  const spec = mapOf(pod['spec'])
  const withoutImages = (list: unknown) =>
    listOf(list).map((container) => ({ ...mapOf(container), image: undefined }))
  return {
    ...spec,
    nodeName: spec['nodeName'] ?? mapOf(after['spec'])['nodeName'],
    containers: withoutImages(spec['containers']),
    initContainers: withoutImages(spec['initContainers']),
  }
}

function mapOf(value: unknown): JsonMap {
  return isMap(value) ? value : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
