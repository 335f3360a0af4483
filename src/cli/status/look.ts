/** Link, pods, certificates and what sidecars said → what is shown of the link. Pure. */
import { injectionHash, readInjection, readSkip } from '../../api/injection.ts'
import { matchesSelector } from '../../api/label-selector.ts'
import type { LogstashLink } from '../../api/link.ts'
import {
  injectedAnnotation,
  labels,
  roleName,
  sidecarName,
  tlsSecretName,
  type Role,
} from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import { needsIdentity, roles, selectorOf } from '../../api/roles.ts'
import type { ObservedPod } from '../../api/observed.ts'
import { workloadOf } from '../../api/workload.ts'
import { restartCommands } from '../../verdict/restart-command.ts'
import type { Report } from './report.ts'
import type { IdentityView, LinkView, PodState, PodView, RoleView } from './view.ts'

/** What could be read, or why not. */
export type Seen<T> = { items: T[] } | { why: string }

export interface Looked {
  link: LogstashLink
  /** All pods of its namespace. */
  pods: Seen<Pod>
  /** All of cert-manager's Certificates there. */
  certificates: Seen<KubeObject>
  /** By `reportKey`. */
  reports: ReadonlyMap<string, Report>
}

/** The fields of v1 Pod that are read. */
export interface Pod extends KubeObject {
  spec?: { hostNetwork?: boolean }
  status?: {
    phase?: string
    podIP?: string
    initContainerStatuses?: { name: string; ready?: boolean; restartCount?: number }[]
  }
}

export function reportKey(pod: string, link: string, role: Role): string {
  return `${pod} ${link} ${role}`
}

export function linkView({ link, pods, certificates, reports }: Looked): LinkView {
  const { namespace = '', name, generation } = link.metadata
  const { status } = link
  const conditions = status?.conditions ?? []
  const notSeen = notSeenYet(status?.observedGeneration, generation, conditions.length)
  const holds = conditions.some((each) => each.type === 'Ready' && each.status === 'True')
  const of = (role: Role): RoleView | undefined =>
    selectorOf(link, role) === undefined ? undefined : roleView(link, role, pods, reports)
  const [receivers, senders] = [of('receiver'), of('sender')]
  return {
    namespace,
    name,
    ready: holds && notSeen === undefined,
    ...(notSeen === undefined ? {} : { notSeen }),
    conditions,
    identities: roles
      .filter((role) => needsIdentity(link, role))
      .map((role) => identityView(link, role, certificates)),
    hosts: status?.hosts ?? [],
    hostCount: status?.hostCount ?? 0,
    ...(receivers === undefined ? {} : { receivers }),
    ...(senders === undefined ? {} : { senders }),
  }
}

/** The sidecars of a link that run and may be asked: where to. */
export function sidecarsOf(
  link: LogstashLink,
  pods: readonly Pod[],
): { pod: string; role: Role; port: number }[] {
  return roles.flatMap((role) =>
    pods
      .filter((pod) => !isFinished(pod) && pod.status?.phase === 'Running')
      .flatMap((pod) => {
        const injection = readInjection(pod.metadata.annotations, link.metadata.name, role)
        return injection === undefined
          ? []
          : [{ pod: pod.metadata.name, role, port: injection.healthPort }]
      }),
  )
}

function notSeenYet(
  observed: number | undefined,
  generation: number | undefined,
  conditions: number,
): string | undefined {
  if (conditions === 0)
    return 'The operator has not looked at this link yet; `logstash-link check` says why.'
  if (generation === undefined || observed === undefined || observed >= generation) return undefined
  return `The operator has not looked at the last change yet: the status is of generation ${observed}, the spec of ${generation}.`
}

function roleView(
  link: LogstashLink,
  role: Role,
  pods: Seen<Pod>,
  reports: ReadonlyMap<string, Report>,
): RoleView {
  const counts = role === 'receiver' ? link.status?.receivers : link.status?.senders
  const { desired = 0, ready = 0 } = counts ?? {}
  if ('why' in pods) return { desired, ready, pods: [], notSeen: pods.why, restart: [] }
  const views = pods.items
    .filter((pod) => !isFinished(pod) && concerns(link, role, pod))
    .map((pod) => ({ pod, view: podView(link, role, pod, reports) }))
  const wanted = views.filter(({ view }) => view.state !== 'OptedOut')
  const stale = views.filter(({ view }) => ['NotInjected', 'Outdated'].includes(view.state))
  return {
    desired: wanted.length,
    ready: wanted.filter(({ view }) => view.state === 'Ready').length,
    pods: views.map(({ view }) => view),
    restart: restartCommands(stale.map(({ pod, view }) => asObserved(pod, view))),
  }
}

function concerns(link: LogstashLink, role: Role, { metadata }: Pod): boolean {
  const selector = selectorOf(link, role)
  const picked = selector !== undefined && matchesSelector(selector, metadata.labels)
  return (
    picked || metadata.annotations?.[injectedAnnotation(link.metadata.name, role)] !== undefined
  )
}

function podView(
  link: LogstashLink,
  role: Role,
  pod: Pod,
  reports: ReadonlyMap<string, Report>,
): PodView {
  const { metadata, status = {} } = pod
  const name = sidecarName(link.metadata.name, role)
  const container = status.initContainerStatuses?.find((each) => each.name === name)
  const { state, message } = stateOf(link, role, pod, container?.ready === true)
  const workload = workloadOf(metadata)
  return {
    name: metadata.name,
    state,
    ...(message === undefined ? {} : { message }),
    ...(status.podIP === undefined ? {} : { ip: status.podIP }),
    ...(workload === undefined ? {} : { workload }),
    restarts: container?.restartCount ?? 0,
    report: reports.get(reportKey(metadata.name, link.metadata.name, role)) ?? {
      asked: false,
      why: container === undefined ? 'no sidecar runs' : 'not running',
    },
  }
}

function stateOf(
  link: LogstashLink,
  role: Role,
  { metadata, spec }: Pod,
  ready: boolean,
): { state: PodState; message?: string } {
  if (metadata.labels?.[labels.inject] === 'false') {
    return { state: 'OptedOut', message: `opts out by label ${labels.inject}: "false"` }
  }
  const injection = readInjection(metadata.annotations, link.metadata.name, role)
  if (injection !== undefined) {
    if (injection.hash !== injectionHash(link, role)) {
      return { state: 'Outdated', message: 'its sidecar is of an earlier spec of the link' }
    }
    return ready
      ? { state: 'Ready' }
      : { state: 'NotReady', message: 'its sidecar is not ready yet' }
  }
  const skip = readSkip(metadata.annotations, link.metadata.name, role)
  if (skip !== undefined) return { state: 'LeftOut', message: skip.message }
  if (spec?.hostNetwork === true) {
    return { state: 'LeftOut', message: 'uses the network of its node (hostNetwork)' }
  }
  return { state: 'NotInjected', message: 'has no sidecar' }
}

function identityView(link: LogstashLink, role: Role, seen: Seen<KubeObject>): IdentityView {
  const { issuerRef } = link.spec.tls
  const view = {
    role,
    secretName: tlsSecretName(link.metadata.name, role),
    issuer: `${issuerRef?.kind ?? 'Issuer'} ${issuerRef?.name ?? '?'}`,
  }
  const known = role === 'receiver' ? link.status?.certificate?.notAfter : undefined
  const fromStatus = known === undefined ? {} : { notAfter: known }
  if ('why' in seen) return { ...view, ...fromStatus, ...(known ? {} : { problem: seen.why }) }
  const certificate = seen.items.find(
    ({ metadata }) => metadata.name === roleName(link.metadata.name, role),
  )
  if (certificate === undefined) {
    return { ...view, ...fromStatus, problem: 'the Certificate is not there' }
  }
  const status = (certificate['status'] ?? {}) as CertificateStatus
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  const notAfter = status.notAfter ?? known
  const problem =
    ready?.status === 'True'
      ? undefined
      : (ready?.message ?? 'cert-manager has not looked at it yet')
  return {
    ...view,
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(status.renewalTime === undefined ? {} : { renewalTime: status.renewalTime }),
    ...(problem === undefined ? {} : { problem }),
  }
}

interface CertificateStatus {
  conditions?: { type: string; status: string; message?: string }[]
  notAfter?: string
  renewalTime?: string
}

function isFinished({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp !== undefined ||
    status?.phase === 'Succeeded' ||
    status?.phase === 'Failed'
  )
}

/** What the restart command is made of. */
function asObserved({ metadata }: Pod, { workload, ip }: PodView): ObservedPod {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    roles: [],
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    ips: ip === undefined ? [] : [ip],
    ready: false,
    finished: false,
    hostNetwork: false,
    ...(workload === undefined ? {} : { workload }),
    sidecars: {},
  }
}
