/** What /status says of a sender, and the one sentence for what stops delivery. No event content. */
import type { HostState } from '../balancer/balancer.ts'
import type { QueueTotals } from '../queue/queue.ts'
import type { HostHealth } from './host-health.ts'

export interface StatusInput {
  link: string | undefined
  now: number
  hosts: readonly HostState[]
  health: HostHealth
  totals: QueueTotals
  heldBytes: number
  maxSize: number
  /** Undefined for a queue in memory. */
  disk: { bytes: number; segments: number; pendingEvents: number } | undefined
  /** What the disk of the queue refuses. */
  queueProblem: string | undefined
  keptEvents: number
  deadLetters: { kept: number; bytes: number; dropped: number } | undefined
  counts: { collected: number; delivered: number; dropped: number; withdrawn: number }
  /** What keeps the sender from sending at all. */
  securityProblem: string | undefined
  /** Of the certificate that hosts are shown. */
  fingerprint: string | undefined
  canSend: boolean
  bookProblem: string | undefined
}

export function senderStatus(input: StatusInput): object {
  const { link, now, hosts, fingerprint, health, totals, heldBytes, maxSize, deadLetters, counts } =
    input
  return {
    role: 'sender',
    link,
    problem: problemOf(input),
    identity: fingerprint === undefined ? undefined : { fingerprint },
    oldestEventAge: totals.oldest === undefined ? undefined : Math.round(now - totals.oldest),
    queue: {
      type: input.disk === undefined ? 'Memory' : 'Disk',
      events: totals.events,
      bytes: totals.bytes,
      waitingEvents: totals.waitingEvents,
      heldBytes,
      maxSize,
      ...(input.disk && { disk: input.disk }),
      problem: input.queueProblem,
    },
    events: counts,
    deadLetters,
    hosts: hosts.map((host) => {
      const { sent, errors, problem, problemAt } = health.of(host.id)
      const waitMs = Math.max(0, host.outUntil - now, host.pausedUntil - now)
      return {
        host: host.id,
        state: stateOf(host, now),
        inFlight: host.inFlight,
        sent,
        errors,
        problem,
        problemAt,
        waitMs: Math.round(waitMs),
        removed: host.removed || undefined,
      }
    }),
  }
}

/** The most hindering cause first; undefined when all is well. */
export function problemOf(input: StatusInput): string | undefined {
  const { hosts, health, securityProblem, canSend, bookProblem, keptEvents } = input
  const { queueProblem } = input
  const listed = hosts.filter((host) => !host.removed)
  if (!canSend) return securityProblem ?? 'TLS files or credentials are missing'
  if (listed.length === 0) return bookProblem ?? 'No host is known'
  const failing = listed
    .filter((host) => host.failures > 0)
    .map((host) => ({ id: host.id, ...health.of(host.id) }))
  const [worst] = failing.toSorted((a, b) => Number(b.fault) - Number(a.fault))
  if (worst && failing.length === listed.length) {
    return `No host takes events: ${worst.id} ${worst.problem ?? 'fails'}`
  }
  if (queueProblem !== undefined) return queueProblem
  if (keptEvents > 0) return `${keptEvents} events are refused by every host that was asked`
  if (worst?.fault) return `${worst.id} ${worst.problem ?? 'fails'}`
  return securityProblem ?? bookProblem
}

function stateOf(host: HostState, now: number): string {
  if (host.pausedUntil > now) return 'paused'
  if (host.failures > 0) return host.outUntil > now ? 'out' : 'trial'
  return 'well'
}
