/** What the operator would apply for links, and pods as the webhook would make them, without a cluster. Pure. */
import type { LogstashLink } from '../api/link.ts'
import { apiVersion, kind } from '../api/names.ts'
import { keyOf, type KubeObject, type ObjectMeta } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { parseLink } from '../api/validate.ts'
import { desiredObjects } from '../desired/desired-objects.ts'
import { discoverHosts } from '../discovery/discover-hosts.ts'
import { trustBundle } from '../discovery/trust-bundle.ts'
import { inject } from '../injector/inject.ts'
import { plan } from '../plan/plan.ts'

/** An object with the sentences that stand above it. */
export interface Rendered {
  notes: string[]
  object: KubeObject
}

export interface RenderInput {
  objects: readonly KubeObject[]
  options: OperatorOptions
  /** RFC 3339. */
  now: string
}

export interface RenderOutput {
  /** Of all links, in their order. */
  objects: Rendered[]
  /** One for each pod and each workload that a link selects. */
  pods: Rendered[]
  /** What the operator would not do, one sentence each. */
  problems: string[]
}

/** @param objects links that parseLink has taken, and anything else */
export function renderAll({ objects, options, now }: RenderInput): RenderOutput {
  const parsed = objects.filter(isLink).map((object) => parseLink(object).link)
  const links = parsed.filter((link) => link !== undefined)
  const secrets = objects.filter(({ kind: each }) => each === 'Secret')
  const rendered = links.map((link) => renderLink(observedOf(link, secrets, now), options))
  return {
    objects: rendered.flatMap((each) => each.objects),
    pods: objects.flatMap((object) => previewOf(object, links, options)),
    problems: rendered.flatMap((each) => each.problems),
  }
}

export function isLink(object: KubeObject): boolean {
  return object.apiVersion === apiVersion && object.kind === kind
}

/** Stands where a random password would. */
const placeholder = '(random, made by the operator once)'

function renderLink(
  observed: Observed,
  options: OperatorOptions,
): Pick<RenderOutput, 'objects' | 'problems'> {
  const { link } = observed
  const desired = desiredObjects({
    observed,
    hosts: discoverHosts(observed).file,
    trustBundle: trustBundle(observed).pem,
    options,
    newPassword: placeholder,
  })
  const { create, oversized } = plan({ current: [], desired, owner: { uid: '' } })
  return {
    objects: create.map((object) => ({
      notes: [`${object.kind} of ${nameOf(link)}${leftOut(object)}`],
      object: withoutPassword(object),
    })),
    problems: oversized.map(({ message }) => `${nameOf(link)}: ${message}`),
  }
}

function leftOut({ kind: one }: KubeObject): string {
  return one === 'ConfigMap' ? ', without the hosts and authorities that only a cluster knows' : ''
}

/** In words, so that nobody takes it for a password, and without the digest of what is none. */
function withoutPassword(object: KubeObject): KubeObject {
  if (object.kind !== 'Secret') return object
  const { data, metadata, ...rest } = object
  const { annotations: _digest, ...plain } = metadata
  const keys = Object.keys(data ?? {})
  return {
    ...rest,
    metadata: plain,
    stringData: Object.fromEntries(keys.map((key) => [key, placeholder])),
  }
}

/** A cluster that has nothing but what the files hold of Secrets with certificates. */
function observedOf(link: LogstashLink, secrets: readonly KubeObject[], now: string): Observed {
  const trust = link.spec.tls.trust?.secretRef
  const secret = secrets.find(
    ({ metadata }) =>
      metadata.name === trust?.name && metadata.namespace === link.metadata.namespace,
  )
  const content = trust === undefined ? undefined : secretText(secret, trust.key)
  return {
    link,
    objects: [],
    identities: {},
    named:
      trust === undefined
        ? {}
        : {
            trust: { exists: secret !== undefined, ...(content === undefined ? {} : { content }) },
          },
    serviceExists: false,
    slices: [],
    pods: [],
    nodeZones: {},
    samples: [],
    now,
  }
}

function secretText(secret: KubeObject | undefined, key: string): string | undefined {
  const data = (secret?.['data'] ?? {}) as Record<string, unknown>
  const stringData = (secret?.['stringData'] ?? {}) as Record<string, unknown>
  const text = stringData[key]
  if (typeof text === 'string') return text
  const encoded = data[key]
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString() : undefined
}

interface Template {
  metadata?: Partial<ObjectMeta>
  spec?: object
}

/** Where a workload keeps its pod. A CronJob's is one step further down. */
function templateOf(object: KubeObject): Template | undefined {
  const spec = (object['spec'] ?? {}) as {
    template?: Template
    jobTemplate?: { spec?: { template?: Template } }
  }
  if (object.kind === 'Pod') return { metadata: object.metadata, spec }
  if (object.kind === 'CronJob') {
    return spec.jobTemplate?.spec?.template
  }
  return /^(apps|batch)\//.test(object.apiVersion) ? spec.template : undefined
}

function previewOf(
  object: KubeObject,
  links: readonly LogstashLink[],
  options: OperatorOptions,
): Rendered[] {
  const template = templateOf(object)
  const { spec } = template ?? {}
  if (spec === undefined || !('containers' in spec) || !Array.isArray(spec.containers)) return []
  const { namespace = 'default', name } = object.metadata
  const isPod = object.kind === 'Pod'
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template?.metadata,
      name: isPod ? name : `preview-of-${object.kind.toLowerCase()}-${name}`,
      namespace,
    },
    spec,
  }
  const { pod: injected, injected: placed, skipped } = inject({ pod, namespace, links, options })
  // What no link selects is as it was.
  if (placed.length + skipped.length === 0) return []
  const sidecars = placed.map(({ link, role }) => `${role} of link ${link}`)
  const made = isPod ? `Pod ${namespace}/${name}` : `Preview of the pods of ${nameOf(object)}`
  return [
    {
      notes: [
        `${made}, as the webhook makes ${isPod ? 'it' : 'them'}: ${sidecars.join(', ') || 'no sidecar'}`,
        ...skipped.map(({ link, role, message }) => `No ${role} of link ${link}: ${message}`),
      ],
      object: injected,
    },
  ]
}

function nameOf(object: KubeObject): string {
  return `${object.kind} ${keyOf(object)}`
}
