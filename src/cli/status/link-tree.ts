/** What is shown of a link → its tree. Only what is not well is told in detail. Pure. */
import type { Mark } from './paint.ts'
import type { Report } from './report.ts'
import type { TreeNode } from './tree.ts'
import type { IdentityView, LinkView, PodView, RoleView } from './view.ts'
import { counted, size, span } from './words.ts'

/** Less than this to the end of a certificate that should have been renewed is worth a look, ms. */
const soon = 3 * 86_400_000
/** An event that waits longer is shown as waiting, ms. */
const slow = 10_000

/** @param now ms since 1970 */
export function linkTree(view: LinkView, now: number): TreeNode {
  const summary = view.conditions.find(({ type }) => type === 'Ready')
  const since = summary === undefined ? '' : ` for ${span(age(summary.lastTransitionTime, now))}`
  return {
    name: `LogstashLink ${view.namespace}/${view.name}`,
    mark: view.ready ? 'well' : summary?.status === 'False' ? 'bad' : 'unknown',
    detail: view.ready
      ? `Ready${since}`
      : (view.notSeen ?? `not Ready${since}: ${summary?.reason ?? 'no condition Ready'}`),
    children: [
      conditionsNode(view),
      ...view.identities.map((identity) => identityNode(identity, now)),
      ...(view.receivers === undefined ? [] : [roleNode('receivers', view.receivers)]),
      hostsNode(view),
      ...(view.senders === undefined ? [] : [roleNode('senders', view.senders)]),
    ],
  }
}

function conditionsNode({ conditions }: LinkView): TreeNode {
  const others = conditions.filter(({ type }) => type !== 'Ready')
  const open = others.filter(({ status }) => status !== 'True')
  if (others.length === 0) return { name: 'conditions', mark: 'unknown', detail: 'none yet' }
  if (open.length === 0) {
    return { name: 'conditions', mark: 'well', detail: `all ${others.length} hold` }
  }
  const failing = open.some(({ status }) => status === 'False')
  return {
    name: 'conditions',
    mark: failing ? 'bad' : 'unknown',
    detail: `${others.length - open.length} of ${others.length} hold`,
    children: open.map(({ type, status, reason, message }) => ({
      name: type,
      mark: status === 'False' ? 'bad' : 'unknown',
      detail: `${reason}: ${message}`,
    })),
  }
}

function identityNode(identity: IdentityView, now: number): TreeNode {
  const { role, issuer, secretName, notAfter, renewalTime, problem } = identity
  const name = role === 'receiver' ? 'identity' : "senders' identity"
  const from = `${issuer} → Secret ${secretName}`
  if (notAfter === undefined) {
    return { name, mark: 'bad', detail: `${from}, not issued: ${problem ?? 'no end is known'}` }
  }
  const left = Date.parse(notAfter) - now
  if (left <= 0) {
    return { name, mark: 'bad', detail: `${from}, expired ${span(-left)} ago, on ${day(notAfter)}` }
  }
  const renewal = renewalTime === undefined ? undefined : Date.parse(renewalTime) - now
  const renewed =
    renewal === undefined
      ? ''
      : renewal > 0
        ? `, renewed in ${span(renewal)}`
        : `, should have been renewed ${span(-renewal)} ago`
  const mark: Mark =
    problem !== undefined || (renewal !== undefined && renewal < 0 && left < soon)
      ? 'warning'
      : 'well'
  const but = problem === undefined ? '' : `; ${problem}`
  return {
    name,
    mark,
    detail: `${from}, expires in ${span(left)} on ${day(notAfter)}${renewed}${but}`,
  }
}

function hostsNode({ hosts, hostCount, conditions }: LinkView): TreeNode {
  if (hostCount === 0) {
    const found = conditions.find(({ type }) => type === 'HostsDiscovered')
    return found?.status === 'True'
      ? { name: 'hosts', mark: 'well', detail: 'none, and none is needed' }
      : { name: 'hosts', mark: 'bad', detail: 'none: nobody to send to' }
  }
  const more = hostCount - hosts.length
  return {
    name: 'hosts',
    mark: 'well',
    detail: `${hostCount}: ${hosts.join(' ')}${more > 0 ? ` and ${more} more` : ''}`,
  }
}

function roleNode(name: string, role: RoleView): TreeNode {
  const { desired, ready, pods, notSeen, restart } = role
  const count = `${ready} of ${desired} ready`
  if (notSeen !== undefined) {
    return { name, mark: mark(ready, desired), detail: `${count}; pods ${notSeen}` }
  }
  const mend = restart.map((command) => ({ name: 'to mend', detail: command }))
  return {
    name,
    mark: mark(ready, desired),
    detail: desired === 0 ? 'no pod has the labels of the selector' : count,
    children: [...pods.map(podNode), ...mend],
  }
}

function mark(ready: number, desired: number): Mark {
  return ready === desired && desired > 0 ? 'well' : 'bad'
}

function podNode(pod: PodView): TreeNode {
  const { name, state, message, restarts, report } = pod
  const restarted = restarts === 0 ? [] : [`restarted ${restarts}×`]
  if (state === 'OptedOut') return { name, detail: message ?? '' }
  if (state === 'NotInjected' || state === 'LeftOut') {
    return { name, mark: 'bad', detail: message ?? '' }
  }
  const { mark: told, parts } = reportParts(report)
  const own = message === undefined ? [] : [message]
  return {
    name,
    mark: state === 'Ready' ? told : 'bad',
    detail: [...own, ...parts, ...restarted].join(' · '),
  }
}

function reportParts(report: Report): { mark: Mark; parts: string[] } {
  if (!report.asked) return { mark: 'well', parts: [`not asked: ${report.why}`] }
  const { problem, oldestEventAge, queue, inFlight, delivered } = report
  const { connections, undelivered, deadLetters } = report
  const isSlow = oldestEventAge !== undefined && oldestEventAge > slow
  const parts = [
    problem,
    queue &&
      (queue.events === 0
        ? 'queue empty'
        : `queue ${counted(queue.events, 'event')}, ${size(queue.bytes)} of ${size(queue.maxSize)}`),
    inFlight ? `${inFlight} ${inFlight === 1 ? 'batch' : 'batches'} in flight` : undefined,
    oldestEventAge === undefined ? undefined : `oldest event ${span(oldestEventAge)}`,
    delivered === undefined ? undefined : `${delivered.toLocaleString('en-US')} delivered`,
    connections === undefined ? undefined : counted(connections, 'connection'),
    undelivered ? `${counted(undelivered, 'event')} at the application` : undefined,
    deadLetters ? counted(deadLetters, 'dead letter') : undefined,
  ]
  return {
    mark: problem !== undefined ? 'bad' : isSlow || deadLetters ? 'warning' : 'well',
    parts: parts.filter((part) => typeof part === 'string'),
  }
}

function age(time: string, now: number): number {
  return Math.max(0, now - Date.parse(time))
}

function day(time: string): string {
  return time.slice(0, 10)
}
