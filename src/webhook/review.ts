/** AdmissionReview v1: what the API server asks, and the answer, which never refuses a pod. Pure. */
import type { LogstashLink } from '../api/link.ts'
import type { KubeObject } from '../api/objects.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { TerminalError } from '../errors.ts'
import { inject, type InjectOutput } from '../injector/inject.ts'

const reviewVersion = 'admission.k8s.io/v1'

/** The fields that are read of a request. */
export interface ReviewRequest {
  uid: string
  /** The pod's metadata may lack it. */
  namespace: string
  operation: unknown
  kind: { group?: unknown; kind?: unknown }
  subResource?: string
  object: KubeObject
}

interface ReviewAnswer {
  apiVersion: typeof reviewVersion
  kind: 'AdmissionReview'
  response: {
    uid: string
    allowed: true
    patchType?: 'JSONPatch'
    /** Base64. */
    patch?: string
    /** Whoever made the pod is shown these, by kubectl for one. */
    warnings?: string[]
  }
}

/** Throws LSL_REVIEW_INVALID for what the API server would not send. */
export function readReview(body: unknown): ReviewRequest {
  const review = mapOf(body, 'a JSON object')
  if (review['apiVersion'] !== reviewVersion || review['kind'] !== 'AdmissionReview') {
    const got = `${String(review['kind'])} of ${String(review['apiVersion'])}`
    throw invalid(`an AdmissionReview of ${reviewVersion}`, got)
  }
  const request = mapOf(review['request'], 'a request')
  const { uid, namespace = '', operation, subResource } = request
  if (typeof uid !== 'string' || typeof namespace !== 'string') {
    throw invalid(
      'request.uid and request.namespace to be text',
      `${typeof uid} and ${typeof namespace}`,
    )
  }
  const { group, kind } = mapOf(request['kind'], 'request.kind')
  return {
    uid,
    namespace,
    operation,
    kind: { group, kind },
    ...(typeof subResource === 'string' && subResource !== '' ? { subResource } : {}),
    object: request['object'] as KubeObject,
  }
}

/** Nothing to do where the request is not about the creation of a pod, whatever someone made of the configuration. */
export function isPodCreation({ operation, kind, subResource }: ReviewRequest): boolean {
  return (
    operation === 'CREATE' &&
    (kind.group ?? '') === '' &&
    kind.kind === 'Pod' &&
    subResource === undefined
  )
}

export function injectInto(
  { object, namespace }: ReviewRequest,
  links: readonly LogstashLink[],
  options: OperatorOptions,
): InjectOutput {
  return inject({ pod: object, namespace, links, options })
}

/** The pod passes as it is, or with its sidecars. */
export function allow(
  { uid }: ReviewRequest,
  { patch = [], warnings = [] }: { patch?: InjectOutput['patch']; warnings?: string[] } = {},
): ReviewAnswer {
  return {
    apiVersion: reviewVersion,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      ...(patch.length === 0
        ? {}
        : {
            patchType: 'JSONPatch',
            patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
          }),
      ...(warnings.length === 0 ? {} : { warnings }),
    },
  }
}

/** Why the pod goes without a sidecar that a link wants in it. */
export function skipWarnings(skipped: InjectOutput['skipped']): string[] {
  return skipped.map(
    ({ link, role, message }) =>
      `logstash-link: the pod gets no ${role} of LogstashLink ${link}: ${message}`,
  )
}

function mapOf(value: unknown, expected: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw invalid(expected, value === null ? 'null' : typeof value)
}

function invalid(expected: string, got: string): TerminalError {
  return new TerminalError('LSL_REVIEW_INVALID', [expected, got])
}
