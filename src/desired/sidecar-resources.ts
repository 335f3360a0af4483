/** Requests and limits of a sidecar container. */
import type { V1ResourceRequirements } from '@kubernetes/client-node'
import type { LogstashLink } from '../api/link.ts'
import type { Role } from '../api/names.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { parseQuantity, resourceAmount } from '../api/quantity.ts'
import { defaults } from '../api/sidecar-config.ts'
import { senderMemory } from './sender-file.ts'
import { stateVolume } from './state-volume.ts'

type Amounts = Record<string, string>

const mebi = 2 ** 20

/**
 * What the link says, else the operator, else a default for CPU and memory: a quota that counts one of them refuses pods
 * that do not name it. Never a limit of ephemeral storage: the kubelet sums those of all containers into one for the pod,
 * so ours alone would have the application evicted for its own files.
 *
 * A request over its limit would have the pod refused, so the side that nobody asked for gives way. In a pod of the class
 * Guaranteed requests equal limits, else the application would lose that class, and with it its own CPUs. What is given to
 * the pod as a whole (`spec.resources`) the sidecar shares: an amount of its own beside that would have the pod refused.
 */
export function sidecarResources(
  link: LogstashLink,
  role: Role,
  context: { options: OperatorOptions; guaranteed: boolean; shared?: readonly string[] },
): V1ResourceRequirements {
  const byDefault = defaultAmounts(link, role)
  const byOperator = context.options.defaultResources
  const asked = role === 'receiver' ? link.spec.receiver.sidecar : link.spec.sender?.sidecar
  const { requests: askedRequests, limits: askedLimits } = texts(asked?.resources)

  const requests: Amounts = { ...byDefault.requests, ...byOperator?.requests, ...askedRequests }
  const limits: Amounts = { ...byDefault.limits, ...byOperator?.limits, ...askedLimits }
  for (const [name, limit] of Object.entries(limits)) {
    const request = requests[name]
    if (request === undefined || amount(request) <= amount(limit)) continue
    if (askedLimits[name] === undefined && askedRequests[name] !== undefined) limits[name] = request
    else requests[name] = limit
  }
  for (const name of context.shared ?? []) {
    delete requests[name]
    delete limits[name]
  }
  return context.guaranteed
    ? { requests: { ...requests, ...limits }, limits }
    : { requests, limits }
}

/**
 * Node with its code needs about 90 MiB, the budget of events comes on top, and one request at its limit of 100 MiB goes
 * alone beyond the budget: peaks of 248 MiB (receiver) and 345 MiB (collect.http) were measured with a budget of 64 MiB.
 */
const besideBudget = 320

function defaultAmounts(link: LogstashLink, role: Role): { requests: Amounts; limits: Amounts } {
  const { sender } = link.spec
  const budget =
    role === 'receiver' || sender === undefined
      ? defaults.receiverLimits.memory
      : senderMemory(sender)
  return {
    requests: { cpu: '50m', memory: '96Mi', ...storageRequest(link, role) },
    limits: { cpu: '1', memory: `${besideBudget + Math.ceil(budget / mebi)}Mi` },
  }
}

/**
 * A queue on an emptyDir of ours lies on the node's disk: the scheduler is to look for room, and a node that runs short of
 * it evicts those first who use more than they asked for. A volume of the pod has its own size.
 */
function storageRequest(link: LogstashLink, role: Role): Amounts {
  const { queue, deadLetter } = link.spec.sender ?? {}
  const isOurs = role === 'sender' && stateVolume(link, role).own !== undefined
  if (!isOurs || queue?.type !== 'Disk') return {}
  const bytes =
    parseQuantity(queue.maxSize, 'spec.sender.queue.maxSize') +
    parseQuantity(deadLetter?.maxSize ?? '', 'spec.sender.deadLetter.maxSize')
  return { 'ephemeral-storage': `${besideQueue + Math.ceil(bytes / mebi)}Mi` }
}

/** MiB: how far files were read, the last segment of the queue while it is given back. */
const besideQueue = 64

function texts(resources: LogstashLink['spec']['receiver']['sidecar']['resources'] | undefined): {
  requests: Amounts
  limits: Amounts
} {
  return { requests: textOf(resources?.requests), limits: textOf(resources?.limits) }
}

function textOf(amounts: Readonly<Record<string, string | number>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(amounts ?? {}).map(([name, value]) => [name, String(value)]),
  )
}

/** What is no quantity is left to the API server to refuse. */
function amount(text: string): number {
  return resourceAmount(text) ?? 0
}
