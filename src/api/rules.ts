/**
 * All rules that concern more than one field. Each is refused at write by every cluster: the CRD carries the CEL, the
 * in-memory cluster and the operator run the predicate, and a test holds the two to the same answers.
 */
import type { LogstashLink, LogstashLinkSpec } from './link.ts'
import { rfc1035Label } from './patterns.ts'
import { celText, type Rule, rulesAt } from './rule.ts'
import { receiverRules } from './rules-receiver.ts'
import { selectorRules } from './rules-selector.ts'
import { senderRules } from './rules-sender.ts'
import { tlsRules } from './rules-tls.ts'

/** Field of tls → how it looks when nothing was said; each speaks of certificates that only own receivers have. */
const ofOwnReceivers: [
  field: string,
  cel: string,
  holds: (tls: LogstashLinkSpec['tls']) => boolean,
][] = [
  ['dnsNames', 'size(self.tls.dnsNames) == 0', (tls) => tls.dnsNames.length === 0],
  ['ipAddresses', 'size(self.tls.ipAddresses) == 0', (tls) => tls.ipAddresses.length === 0],
  ['includePodIPs', '!self.tls.includePodIPs', (tls) => !tls.includePodIPs],
  ['serviceNames', 'self.tls.serviceNames', (tls) => tls.serviceNames],
]

/** Field of spec → how it looks when nothing was said; each speaks of what only senders do. */
const ofSenders: [field: string, cel: string, holds: (spec: LogstashLinkSpec) => boolean][] = [
  ['tls.serverName', "self.tls.serverName == ''", ({ tls }) => tls.serverName === ''],
  [
    'tls.verificationMode',
    "self.tls.verificationMode == 'Full'",
    ({ tls }) => tls.verificationMode === 'Full',
  ],
  [
    'balancing',
    "self.balancing.coolOff == '60s' && !self.balancing.preferSameZone",
    ({ balancing }) => balancing.coolOff === '60s' && !balancing.preferSameZone,
  ],
]

/** Receivers are someone else's. */
const celOfForeign =
  '(!has(self.receiver.selector) && (has(self.receiver.serviceRef) || has(self.receiver.hosts)))'

function isForeign({ receiver }: LogstashLinkSpec): boolean {
  return (
    receiver.selector === undefined &&
    (receiver.serviceRef !== undefined || receiver.hosts !== undefined)
  )
}

function asksForCertificate({ receiver, tls }: LogstashLinkSpec): boolean {
  return receiver.selector !== undefined || tls.clientAuthentication !== 'None'
}

/** A wildcard stands for one label. */
function covers(name: string, serverName: string): boolean {
  const [, ...rest] = serverName.split('.')
  return name === serverName || (rest.length > 0 && name === ['*', ...rest].join('.'))
}

const specRules = rulesAt<LogstashLinkSpec>(
  ['spec'],
  [
    {
      field: 'sender',
      cel: `has(self.sender) || !${celOfForeign}`,
      says: 'to be given unless `spec.receiver.selector` is: without either the link would do nothing',
      holds: (spec) => spec.sender !== undefined || !isForeign(spec),
    },
    {
      field: 'tls.issuerRef',
      cel: "!self.tls.enabled || has(self.tls.issuerRef) || !(has(self.receiver.selector) || self.tls.clientAuthentication != 'None')",
      says: 'to name a cert-manager issuer: `spec.receiver.selector` and `spec.tls.clientAuthentication` need certificates (or set `spec.tls.enabled` to false)',
      holds: (spec) =>
        !spec.tls.enabled || spec.tls.issuerRef !== undefined || !asksForCertificate(spec),
    },
    {
      field: 'tls.issuerRef',
      cel: `!self.tls.enabled || !has(self.tls.issuerRef) || !${celOfForeign} || self.tls.clientAuthentication != 'None'`,
      says: 'to be left out for serviceRef and hosts without `spec.tls.clientAuthentication`: no certificate would be asked for',
      holds: (spec) =>
        !spec.tls.enabled ||
        spec.tls.issuerRef === undefined ||
        !isForeign(spec) ||
        spec.tls.clientAuthentication !== 'None',
    },
    {
      field: 'tls.trust',
      cel: '!has(self.tls.trust) || !has(self.receiver.selector)',
      says: 'to be left out beside `spec.receiver.selector`: trust in own receivers comes from their issuer',
      holds: ({ tls, receiver }) => tls.trust === undefined || receiver.selector === undefined,
    },
    ...ofOwnReceivers.map(([field, cel, holds]) => ({
      field: `tls.${field}`,
      cel: `!self.tls.enabled || !${celOfForeign} || (${cel})`,
      says: 'to be left out without `spec.receiver.selector`: it speaks of the certificate of own receivers',
      holds: (spec: LogstashLinkSpec) => !spec.tls.enabled || !isForeign(spec) || holds(spec.tls),
    })),
    {
      field: 'tls.serverName',
      cel: `self.tls.serviceNames || self.tls.verificationMode == 'None' || !has(self.sender) || !has(self.receiver.selector) || self.tls.dnsNames.exists(name, name == self.tls.serverName || (name.startsWith('*.') && self.tls.serverName.contains('.') && name.substring(1) == self.tls.serverName.substring(self.tls.serverName.indexOf('.'))))`,
      says: 'to be one of `spec.tls.dnsNames` where `spec.tls.serviceNames` is false: senders would verify a name that the certificate does not have',
      holds: ({ tls, sender, receiver }) =>
        tls.serviceNames ||
        tls.verificationMode === 'None' ||
        sender === undefined ||
        receiver.selector === undefined ||
        tls.dnsNames.some((name) => covers(name, tls.serverName)),
    },
    ...ofSenders.map(([field, cel, holds]) => ({
      field,
      cel: `has(self.sender) || (${cel})`,
      says: 'to be left out without `spec.sender`: it speaks of what senders do',
      holds: (spec: LogstashLinkSpec) => spec.sender !== undefined || holds(spec),
    })),
  ],
)

const linkRules = rulesAt<LogstashLink>(
  [''],
  [
    {
      field: 'metadata.name',
      cel: `size(self.metadata.name) <= 40 && self.metadata.name.matches(${celText(rfc1035Label)})`,
      says: 'to be at most 40 lower-case letters, digits and `-`, beginning with a letter: names of Services and containers are made from it',
      holds: ({ metadata }) =>
        metadata.name.length <= 40 && new RegExp(rfc1035Label).test(metadata.name),
    },
  ],
)

export const rules: readonly Rule[] = [
  ...linkRules,
  ...specRules,
  ...receiverRules,
  ...selectorRules,
  ...senderRules,
  ...tlsRules,
]
