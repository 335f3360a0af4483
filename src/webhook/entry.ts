/** The one entry of the MutatingWebhookConfiguration that is ours, and how it is told whether it still stands. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { group, labels } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'

export const configurationKind = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
} as const

/** A name that the API server keeps as it is: it must hold two dots. */
export const entryName = `inject.${group}`
/** Where the server takes pods. */
export const injectPath = '/inject'
/** Fingerprint → since when the CA is needed no more (RFC 3339), empty while it is. Only these are ours in caBundle. */
export const authoritiesAnnotation = `${group}/webhook-authorities`

/** How the API server reaches the webhook: through a Service, or by URL where the operator is no pod. */
export type WebhookAddress =
  | { service: { namespace: string; name: string; port?: number } }
  /** Origin alone: `https://10.0.0.1:9443`. */
  | { url: string }

interface ClientConfig {
  service?: { namespace: string; name: string; path: string; port: number }
  url?: string
  caBundle: string
}

interface Entry {
  name: string
  clientConfig: ClientConfig
  namespaceSelector: { matchExpressions: { key: string; operator: string; values?: string[] }[] }
  [field: string]: unknown
}

/**
 * All fields, also those whose value is the API server's default, so that a comparison shows each foreign edit.
 *
 * @param namespaces those whose pods are to be seen, sorted; not empty, for an empty selector would pick all
 * @param caBundle PEM
 */
export function webhookEntry(
  namespaces: readonly string[],
  address: WebhookAddress,
  caBundle: string,
): Entry {
  return {
    name: entryName,
    admissionReviewVersions: ['v1'],
    clientConfig: { ...target(address), caBundle: Buffer.from(caBundle).toString('base64') },
    rules: [
      {
        operations: ['CREATE'],
        apiGroups: [''],
        apiVersions: ['v1'],
        resources: ['pods'],
        scope: 'Namespaced',
      },
    ],
    namespaceSelector: {
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'In', values: [...namespaces] },
      ],
    },
    objectSelector: {
      matchExpressions: [{ key: labels.inject, operator: 'NotIn', values: ['false'] }],
    },
    // A pod without a sidecar is reported and healed; a pod that does not start is an outage.
    failurePolicy: 'Ignore',
    matchPolicy: 'Equivalent',
    reinvocationPolicy: 'IfNeeded',
    sideEffects: 'None',
    timeoutSeconds: 5,
  }
}

/** The name that the leaf has to be good for. */
export function hostOf(address: WebhookAddress): string {
  if ('url' in address) return new URL(address.url).hostname
  const { name, namespace } = address.service
  return `${name}.${namespace}.svc`
}

/** Our entry as the API server has it. */
export function entryIn(configuration: KubeObject | undefined): Entry | undefined {
  const entries = configuration?.['webhooks']
  if (!Array.isArray(entries)) return undefined
  return (entries as Entry[]).find(({ name }) => name === entryName)
}

/** PEM; empty where there is none. */
export function bundleIn(configuration: KubeObject | undefined): string {
  const bundle = entryIn(configuration)?.clientConfig?.caBundle ?? ''
  return Buffer.from(bundle, 'base64').toString()
}

export function namespacesIn(configuration: KubeObject | undefined): string[] {
  const expressions = entryIn(configuration)?.namespaceSelector?.matchExpressions ?? []
  return expressions.flatMap(({ values = [] }) => values)
}

/** What of the wanted entry stands otherwise: names of its fields, sorted. */
export function differingFields(wanted: Entry, found: Entry | undefined): string[] {
  if (found === undefined) return ['name']
  return Object.keys(wanted)
    .filter((field) => !isDeepStrictEqual(wanted[field], found[field]))
    .toSorted()
}

function target(address: WebhookAddress): Omit<ClientConfig, 'caBundle'> {
  if ('url' in address) return { url: new URL(injectPath, address.url).href }
  return { service: { port: 443, ...address.service, path: injectPath } }
}
