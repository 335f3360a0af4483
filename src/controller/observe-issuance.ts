/**
 * Why cert-manager does not issue: its Certificate says little while it waits, its CertificateRequest names the cause (an
 * issuer that is missing or not ready, a request that was denied). Asked for only when an issue takes longer than usual.
 */
import type { LogstashLink } from '../api/link.ts'
import { certificateKind, labels, roleName, type Role } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { needsIdentity, roles } from '../api/roles.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'

const requestKind = { apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest' }
const certificateNameAnnotation = 'cert-manager.io/certificate-name'
const revisionAnnotation = 'cert-manager.io/certificate-revision'
/** How cert-manager begins to say that an issuer is missing or not ready; it calls that pending, like an order under way. */
const noIssuer = 'Referenced '
/** An issuer in the cluster needs less. */
const usualMs = 2000

interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}

/** By role; empty where all is issued, or is being issued and nothing is known to be wrong. */
export async function readIssuance(
  cluster: Cluster,
  link: LogstashLink,
  objects: readonly KubeObject[],
  now: string,
): Promise<NonNullable<Observed['issuance']>> {
  const { name, namespace = '' } = link.metadata
  const slow = roles.filter((role) => {
    const certificate = objects.find(
      (each) => each.kind === certificateKind.kind && each.metadata.name === roleName(name, role),
    )
    return needsIdentity(link, role) && certificate !== undefined && isSlow(certificate, now)
  })
  if (slow.length === 0) return {}
  const requests = await listRequests(cluster, namespace, name)
  const found = slow.flatMap((role): [Role, { message: string; failed: boolean }][] => {
    const issuance = issuanceOf(requests, roleName(name, role))
    return issuance === undefined ? [] : [[role, issuance]]
  })
  return Object.fromEntries(found)
}

function isSlow(certificate: KubeObject, now: string): boolean {
  const { lastFailureTime } = (certificate['status'] ?? {}) as { lastFailureTime?: string }
  if (lastFailureTime !== undefined) return true
  const issuing = conditionsOf(certificate).find(({ type }) => type === 'Issuing')
  if (issuing?.status !== 'True') return false
  return Date.parse(now) - Date.parse(issuing.lastTransitionTime ?? now) >= usualMs
}

/**
 * They bear the labels of their Certificate. Where cert-manager is absent, or requests may not be read, its Certificate has
 * to say enough.
 */
async function listRequests(
  cluster: Cluster,
  namespace: string,
  link: string,
): Promise<KubeObject[]> {
  try {
    const selector = { matchLabels: { [labels.link]: link } }
    return await cluster.list(requestKind, { namespace, selector })
  } catch (error) {
    if (error instanceof ClusterError && ['Forbidden', 'NotFound'].includes(error.reason)) return []
    throw error
  }
}

/** Of the latest request: that it was refused, or what it waits for. */
function issuanceOf(
  requests: readonly KubeObject[],
  certificate: string,
): { message: string; failed: boolean } | undefined {
  const [latest] = requests
    .filter(({ metadata }) => metadata.annotations?.[certificateNameAnnotation] === certificate)
    .toSorted((a, b) => revisionOf(b) - revisionOf(a))
  if (latest === undefined) return undefined
  const conditions = conditionsOf(latest)
  const says = (type: string, status: string) =>
    conditions.find((each) => each.type === type && each.status === status)
  const refused = says('Denied', 'True') ?? says('InvalidRequest', 'True')
  const ready = says('Ready', 'False')
  const message = refused?.message ?? ready?.message ?? ''
  if (message === '') return undefined
  const failed = refused !== undefined || ready?.reason === 'Failed' || message.startsWith(noIssuer)
  return { message, failed }
}

function revisionOf({ metadata }: KubeObject): number {
  return Number(metadata.annotations?.[revisionAnnotation] ?? 0)
}

function conditionsOf(object: KubeObject): Condition[] {
  return ((object['status'] ?? {}) as { conditions?: Condition[] }).conditions ?? []
}
