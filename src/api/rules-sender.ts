/** Rules of spec.sender and of what stands in it, and of the resources of either sidecar. */
import type { LogstashLinkSpec } from './link.ts'
import { resourceAmount } from './quantity.ts'
import { rulesAt } from './rule.ts'
import { celOfDuration, milliseconds } from './rules-tls.ts'

type Sender = NonNullable<LogstashLinkSpec['sender']>
type Resources = Sender['sidecar']['resources']

function atMost(text: string, maximum: number): boolean {
  return (milliseconds(text) ?? 0) <= maximum
}

/** What is no size is refused by its pattern. */
function bytes(size: string | number): number {
  return resourceAmount(size) ?? 0
}

function celOfSize(field: string, operator: '<=' | '>=', limit: string): string {
  const text = `string(${field})`
  return `(!isQuantity(${text}) || quantity(${text}).compareTo(quantity('${limit}')) ${operator} 0)`
}

/** Resource → its name in CEL, where a hyphen is written out. */
const resources = {
  cpu: 'cpu',
  memory: 'memory',
  'ephemeral-storage': 'ephemeral__dash__storage',
} as const

/** The API server refuses a pod that requests more than its limit, so such a sidecar would keep pods from starting. */
function requestWithinLimit(resource: keyof typeof resources) {
  const [request, limit] = ['requests', 'limits'].map(
    (kind) => `self.${kind}.${resources[resource]}`,
  )
  const given = `has(self.requests) && has(self.limits) && has(${request}) && has(${limit})`
  const readable = `isQuantity(string(${request})) && isQuantity(string(${limit}))`
  return {
    field: 'requests',
    cel: `!(${given} && ${readable}) || quantity(string(${request})).compareTo(quantity(string(${limit}))) <= 0`,
    says: `to ask for no more ${resource} than \`limits\` allows: no pod could start`,
    holds: ({ requests, limits }: Resources) =>
      (resourceAmount(requests?.[resource] ?? '') ?? 0) <=
      (resourceAmount(limits?.[resource] ?? '') ?? Number.POSITIVE_INFINITY),
  }
}

export const senderRules = [
  ...rulesAt<Sender>(
    ['spec.sender'],
    [
      {
        field: 'queue.onFull',
        cel: "!(has(self.collect.files) && self.queue.onFull == 'DropOldest')",
        says: 'to be Block beside `spec.sender.collect.files`: a file waits by itself, nothing of it need be dropped',
        holds: (self) => self.collect.files === undefined || self.queue.onFull === 'Block',
      },
    ],
  ),
  ...rulesAt<Sender['collect']>(
    ['spec.sender.collect'],
    [
      {
        field: '',
        cel: 'has(self.http) || has(self.tcp) || has(self.files)',
        says: 'to have at least one of http, tcp and files',
        holds: (self) => (self.http ?? self.tcp ?? self.files) !== undefined,
      },
      {
        field: 'tcp.port',
        cel: '!has(self.http) || !has(self.tcp) || self.http.port != self.tcp.port',
        says: 'to be another port than `spec.sender.collect.http.port`',
        holds: ({ http, tcp }) => http === undefined || http.port !== tcp?.port,
      },
    ],
  ),
  ...rulesAt<Sender['queue']>(
    ['spec.sender.queue'],
    [
      {
        field: 'volume',
        cel: "!has(self.volume) || self.type == 'Disk'",
        says: 'to be left out unless `spec.sender.queue.type` is Disk',
        holds: (self) => self.volume === undefined || self.type === 'Disk',
      },
      {
        field: 'maxSize',
        cel: `self.type == 'Disk' || ${celOfSize('self.maxSize', '<=', '4Gi')}`,
        says: 'to be at most 4Gi in memory: a larger queue belongs on a disk (`spec.sender.queue.type` Disk)',
        holds: ({ type, maxSize }) => type === 'Disk' || bytes(maxSize) <= bytes('4Gi'),
      },
      {
        field: 'maxSize',
        cel: `self.type == 'Memory' || (${celOfSize('self.maxSize', '>=', '1Mi')} && ${celOfSize('self.maxSize', '<=', '1Ti')})`,
        says: 'to be from 1Mi to 1Ti on a disk',
        holds: ({ type, maxSize }) =>
          type === 'Memory' || (bytes(maxSize) >= bytes('1Mi') && bytes(maxSize) <= bytes('1Ti')),
      },
    ],
  ),
  ...rulesAt<Sender['batch']>(
    ['spec.sender.batch'],
    [
      {
        field: 'maxWait',
        cel: celOfDuration('self.maxWait', "<= duration('10s')"),
        says: 'to be at most 10s: applications wait 25s for their answer',
        holds: (self) => atMost(self.maxWait, 10_000),
      },
    ],
  ),
  ...rulesAt<Resources>(
    ['spec.receiver.sidecar.resources', 'spec.sender.sidecar.resources'],
    [
      requestWithinLimit('cpu'),
      requestWithinLimit('memory'),
      requestWithinLimit('ephemeral-storage'),
    ],
  ),
  ...rulesAt<LogstashLinkSpec['balancing']>(
    ['spec.balancing'],
    [
      {
        field: 'coolOff',
        cel: celOfDuration('self.coolOff', "<= duration('1h')"),
        says: 'to be at most 1h',
        holds: (self) => atMost(self.coolOff, 3_600_000),
      },
    ],
  ),
]
