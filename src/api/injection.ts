/** What injection leaves on a pod: one annotation for each link and role, by which it is known again. */
import { digestOf } from './digest.ts'
import type { LogstashLink } from './link.ts'
import { injectedAnnotation, type Role } from './names.ts'
import { needsIdentity } from './roles.ts'

export interface Injection {
  /** Of what the link says of the container; another one means that the pod is outdated. */
  hash: string
  healthPort: number
  /** Where a receiver listens. */
  port?: number
}

/** Why injection left a pod out, where the pod's own labels and fields do not show it. */
export interface Skip {
  reason: string
  message: string
  /** Of what the link said then: under another one the pod may get its sidecar when it is made anew. */
  hash?: string
}

/**
 * Digest of what a link says of its container: ports, volumes, resources. Not of what the operator says (image, default
 * resources, probes), so that an upgrade restarts nothing; not of settings in sidecar.json, which reach a running pod.
 */
export function injectionHash(link: LogstashLink, role: Role): string {
  const { spec } = link
  const common = {
    role,
    identity: needsIdentity(link, role),
    auth: spec.auth?.secretRef.name,
  }
  if (role === 'receiver') {
    const { port, deliver, sidecar } = spec.receiver
    const volume = deliver?.unix?.volume ?? deliver?.file?.volume
    return digestOf({ ...common, port, volume, resources: sidecar.resources })
  }
  return digestOf({
    ...common,
    http: spec.sender?.collect.http?.port,
    tcp: spec.sender?.collect.tcp?.port,
    files: spec.sender?.collect.files,
    ...queuePart(spec.sender?.queue),
    resources: spec.sender?.sidecar.resources,
  })
}

/** By default the memory limit grows with a queue in memory, the request of storage with one on an emptyDir of ours. */
function queuePart(
  queue: NonNullable<LogstashLink['spec']['sender']>['queue'] | undefined,
): object {
  if (queue?.type !== 'Disk') return { queue: queue?.maxSize }
  return queue.volume === undefined
    ? { disk: true, queue: queue.maxSize }
    : { disk: true, volume: queue.volume }
}

/** The annotation of a link and role, or undefined where it is absent or was written by someone else. */
export function readInjection(
  annotations: Readonly<Record<string, string>> | undefined,
  link: string,
  role: Role,
): Injection | undefined {
  const text = annotations?.[injectedAnnotation(link, role)]
  if (text === undefined) return undefined
  const { hash, healthPort, port } = parse(text)
  if (typeof hash !== 'string' || typeof healthPort !== 'number') return undefined
  return { hash, healthPort, ...(typeof port === 'number' ? { port } : {}) }
}

/** The same annotation where injection left the pod out. */
export function readSkip(
  annotations: Readonly<Record<string, string>> | undefined,
  link: string,
  role: Role,
): Skip | undefined {
  const text = annotations?.[injectedAnnotation(link, role)]
  if (text === undefined) return undefined
  const { skipped, message, hash } = parse(text)
  if (typeof skipped !== 'string' || typeof message !== 'string') return undefined
  return { reason: skipped, message, ...(typeof hash === 'string' ? { hash } : {}) }
}

export function injectionText(injection: Injection): string {
  return JSON.stringify(injection)
}

export function skipText({ reason, message, hash }: Skip): string {
  return JSON.stringify({ skipped: reason, message, hash })
}

/** Anyone may write annotations; what is no JSON object says nothing. */
function parse(text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null ? { ...data } : {}
  } catch {
    return {}
  }
}
