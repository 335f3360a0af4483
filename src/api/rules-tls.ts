/** Rules over the fields of spec.tls alone. */
import { parseDuration } from './duration.ts'
import type { LogstashLinkSpec } from './link.ts'
import { duration as durationPattern } from './patterns.ts'
import { celText, rulesAt } from './rule.ts'

type Tls = LogstashLinkSpec['tls']

/** Field → how it looks when nothing was said, in CEL and in TypeScript. */
const unset: [field: string, cel: string, holds: (tls: Tls) => boolean][] = [
  ['issuerRef', '!has(self.issuerRef)', (tls) => tls.issuerRef === undefined],
  ['trust', '!has(self.trust)', (tls) => tls.trust === undefined],
  [
    'clientAuthentication',
    "self.clientAuthentication == 'None'",
    (tls) => tls.clientAuthentication === 'None',
  ],
  ['verificationMode', "self.verificationMode == 'Full'", (tls) => tls.verificationMode === 'Full'],
  ['serverName', "self.serverName == ''", (tls) => tls.serverName === ''],
  ['duration', "self.duration == '2160h'", (tls) => tls.duration === '2160h'],
  ['renewBefore', "self.renewBefore == '720h'", (tls) => tls.renewBefore === '720h'],
  ['serviceNames', 'self.serviceNames', (tls) => tls.serviceNames],
  ['dnsNames', 'size(self.dnsNames) == 0', (tls) => tls.dnsNames.length === 0],
  ['ipAddresses', 'size(self.ipAddresses) == 0', (tls) => tls.ipAddresses.length === 0],
  ['includePodIPs', '!self.includePodIPs', (tls) => !tls.includePodIPs],
]

/** Milliseconds, or undefined where the text is no duration, which the schema reports by itself. */
export function milliseconds(text: string): number | undefined {
  return new RegExp(durationPattern.pattern).test(text) ? parseDuration(text, '') : undefined
}

/** CEL: the comparison holds, or the text is no duration, which the schema reports by itself. */
export function celOfDuration(field: string, comparison: string): string {
  return `!${field}.matches(${celText(durationPattern.pattern)}) || duration(${field}) ${comparison}`
}

function atLeast(text: string, minimum: string): boolean {
  return (milliseconds(text) ?? Number.POSITIVE_INFINITY) >= parseDuration(minimum, '')
}

export const tlsRules = rulesAt<Tls>(
  ['spec.tls'],
  [
    ...unset.map(([field, cel, holds]) => ({
      field,
      cel: `self.enabled || ${cel}`,
      says: 'to be left out where `spec.tls.enabled` is false',
      holds: (tls: Tls) => tls.enabled || holds(tls),
    })),
    {
      field: 'trust',
      cel: "!has(self.trust) || self.verificationMode == 'Full'",
      says: 'to be left out where `spec.tls.verificationMode` is None: nothing would be verified by it',
      holds: (tls) => tls.trust === undefined || tls.verificationMode === 'Full',
    },
    {
      field: 'dnsNames',
      cel: 'self.serviceNames || size(self.dnsNames) > 0',
      says: 'to hold at least one name where `spec.tls.serviceNames` is false: a certificate needs a name',
      holds: (tls) => tls.serviceNames || tls.dnsNames.length > 0,
    },
    {
      field: 'duration',
      cel: celOfDuration('self.duration', ">= duration('1h')"),
      says: 'to be at least 1h, the shortest that cert-manager issues',
      holds: (tls) => atLeast(tls.duration, '1h'),
    },
    {
      field: 'renewBefore',
      cel: celOfDuration('self.renewBefore', ">= duration('5m')"),
      says: 'to be at least 5m, the shortest that cert-manager takes',
      holds: (tls) => atLeast(tls.renewBefore, '5m'),
    },
    {
      field: 'renewBefore',
      cel: `!self.duration.matches(${celText(durationPattern.pattern)}) || ${celOfDuration('self.renewBefore', '< duration(self.duration)')}`,
      says: 'to be less than `spec.tls.duration`, whose default is 2160h; its own default is 720h',
      holds: (tls) =>
        (milliseconds(tls.renewBefore) ?? 0) <
        (milliseconds(tls.duration) ?? Number.POSITIVE_INFINITY),
    },
    {
      field: 'issuerRef.kind',
      cel: "!has(self.issuerRef) || self.issuerRef.group != 'cert-manager.io' || self.issuerRef.kind in ['Issuer', 'ClusterIssuer']",
      says: 'to be Issuer or ClusterIssuer, the kinds of the group cert-manager.io',
      holds: ({ issuerRef }) =>
        issuerRef?.group !== 'cert-manager.io' ||
        ['Issuer', 'ClusterIssuer'].includes(issuerRef.kind),
    },
  ],
)
