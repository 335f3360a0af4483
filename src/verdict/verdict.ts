/** What was observed and done → status, events, and when to look again. */
import { conditionTypes, type ConditionType } from '../api/conditions.ts'
import { formatHost } from '../api/hosts.ts'
import type { Condition, LogstashLinkStatus } from '../api/link.ts'
import { tlsSecretName, type Role } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import { needsIdentity, selectorOf } from '../api/roles.ts'
import { checkAccepted } from './accepted.ts'
import { delivering } from './delivering.ts'
import { eventsOf, type LinkEvent } from './events.ts'
import { clipped, type AnyFinding, type Problem, type Refusal } from './finding.ts'
import { hostsDiscovered, type HostsResult } from './hosts-discovered.ts'
import { identityReady } from './identity-ready.ts'
import { countsOf, injected } from './injected.ts'
import { ready } from './ready.ts'
import { requeueAfter } from './requeue.ts'
import { trustDistributed, type TrustResult } from './trust-distributed.ts'

export interface VerdictInput {
  observed: Observed
  /** From discovery; absent where the link was not accepted and nothing was discovered. */
  hosts?: HostsResult
  trust?: TrustResult
  /** From the plan. */
  conflicts?: readonly Problem[]
  oversized?: readonly Problem[]
  /** As `checkAccepted` takes it. */
  specProblems?: readonly string[]
  /** What the cluster refused to write. */
  refused?: readonly Refusal[]
  /** What is done about pods without their sidecar, in sentences. */
  restarts?: readonly string[]
  /** The status that stands; by default the one of the observed link. */
  previous?: LogstashLinkStatus | undefined
}

export interface Verdict {
  status: LogstashLinkStatus
  requeueAfterMs?: number
  events: LinkEvent[]
}

/** `status.hosts` shows so many. */
const maxHosts = 50
/** Characters of one condition's message: what nobody would read to its end. */
const maxMessage = 4096

/** The same input gives the same status: nothing in it changes unless something did. */
export function verdict(input: VerdictInput): Verdict {
  const { observed, hosts } = input
  const { link } = observed
  const previous = input.previous ?? link.status
  const findings = findingsOf(input)
  const conditions = conditionTypes.map((type) =>
    conditionOf(type, findings[type], observed, previous?.conditions),
  )
  const { generation } = link.metadata
  const requeueAfterMs = requeueAfter(observed, {
    accepted: findings.Accepted.status === 'True',
    identityReady: findings.IdentityReady.status === 'True' || hosts === undefined,
  })
  return {
    status: {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      conditions,
      ...countsStatus(observed, 'receiver'),
      ...countsStatus(observed, 'sender'),
      ...hostsStatus(hosts),
      ...certificateStatus(observed),
    },
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
    events: eventsOf(previous?.conditions, conditions),
  }
}

function findingsOf(input: VerdictInput): Record<ConditionType, AnyFinding> {
  const { observed, hosts, trust, conflicts = [], oversized = [], refused = [], restarts } = input
  const others = {
    Accepted: checkAccepted(observed, {
      conflicts,
      refused,
      ...(trust === undefined ? {} : { trust }),
      ...(input.specProblems === undefined ? {} : { specProblems: input.specProblems }),
    }),
    IdentityReady: identityReady(observed),
    TrustDistributed: trustDistributed(observed, trust, oversized),
    HostsDiscovered: hostsDiscovered(observed, hosts, oversized),
    ReceiversInjected: injected(observed, 'receiver', restarts),
    SendersInjected: injected(observed, 'sender', restarts),
    Delivering: delivering(observed),
  }
  return { Ready: ready(others), ...others }
}

function conditionOf(
  type: ConditionType,
  { status, reason, message }: AnyFinding,
  { link, now }: Observed,
  before: readonly Condition[] | undefined,
): Condition {
  const previous = before?.find((each) => each.type === type)
  const { generation } = link.metadata
  return {
    type,
    status,
    reason,
    message: clipped(message, maxMessage),
    lastTransitionTime: previous?.status === status ? previous.lastTransitionTime : now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
}

function countsStatus(observed: Observed, role: Role): Partial<LogstashLinkStatus> {
  if (selectorOf(observed.link, role) === undefined) return {}
  const { desired, ready: count } = countsOf(observed, role)
  return { [`${role}s`]: { desired, ready: count, summary: `${count}/${desired}` } }
}

function hostsStatus(hosts: HostsResult | undefined): Partial<LogstashLinkStatus> {
  if (hosts === undefined) return {}
  const all = hosts.file.hosts.map(formatHost)
  return { hosts: all.slice(0, maxHosts), hostCount: all.length }
}

function certificateStatus({ link, identities }: Observed): Partial<LogstashLinkStatus> {
  if (!needsIdentity(link, 'receiver')) return {}
  const { notAfter } = identities.receiver ?? {}
  const secretName = tlsSecretName(link.metadata.name, 'receiver')
  return { certificate: { secretName, ...(notAfter === undefined ? {} : { notAfter }) } }
}
