/**
 * Patterns of names, paths and addresses, with the words for what they accept. They keep to what RE2 (the API server) and
 * ECMAScript understand alike: no lookaround, so "no `..`" and "not all digits" are spelled out.
 */
import type { StringSchema } from './schema.ts'

/** A pattern with its words and the longest text that it takes, to be spread into a schema. */
type Pattern = StringSchema & { maxLength: number; pattern: string; expected: string }

/** RFC 1035 label, as Services have: a letter first. */
export const rfc1035Label = '^[a-z]([-a-z0-9]*[a-z0-9])?$'

// The length of labels is bounded by `tooLongLabel`: RE2 takes no more than 1000 repetitions in all.
const label = '[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?'
/** A name's last label is never all digits, so that no broken IPv4 address passes for a name. */
const lastLabel = '([0-9]*[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?|[0-9]+-[-a-zA-Z0-9]*[a-zA-Z0-9])'
const dnsName = `(${label}\\.)*${lastLabel}`
const tooLongLabel = '[-a-zA-Z0-9]{64}'
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const ipv4 = `(${octet}\\.){3}${octet}`
const port =
  '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'

/** IPv6 without zone and without an embedded IPv4 address: eight groups, or fewer around one `::`. */
function ipv6(): string {
  const group = '[0-9a-fA-F]{1,4}'
  const around = [1, 2, 3, 4, 5, 6].map(
    (before) => `(${group}:){1,${before}}(:${group}){1,${7 - before}}`,
  )
  const all = [`(${group}:){7}${group}`, `(${group}:){1,7}:`, ...around, `:((:${group}){1,7}|:)`]
  return `(${all.join('|')})`
}

/** `host`, `host:port`, IPv4, `[IPv6]`, `[IPv6]:port`; hosts.ts takes the same apart. */
export const host = {
  type: 'string',
  maxLength: 253,
  pattern: `^(${dnsName}|${ipv4}|\\[${ipv6()}\\])(:${port})?$`,
  forbidden: tooLongLabel,
  expected: 'host, host:port, IPv4 or [IPv6]:port',
} as const satisfies Pattern

export const ipAddress = {
  type: 'string',
  maxLength: 45,
  pattern: `^(${ipv4}|${ipv6()})$`,
  expected: 'an IPv4 address, or an IPv6 address without brackets',
} as const satisfies Pattern

/** A name to claim in a certificate. */
export const certificateName = {
  type: 'string',
  maxLength: 253,
  pattern: `^(\\*\\.)?${dnsName}$`,
  forbidden: tooLongLabel,
  expected: 'a DNS name, or a wildcard such as *.example.com',
} as const satisfies Pattern

/** A name to verify; empty where the default is meant. */
export const serverName = {
  type: 'string',
  maxLength: 253,
  pattern: `^(${dnsName})?$`,
  forbidden: tooLongLabel,
  expected: 'a DNS name without port, or empty',
} as const satisfies Pattern

export const serviceName = {
  type: 'string',
  maxLength: 63,
  pattern: rfc1035Label,
  expected: 'the name of a Service of this namespace: lower-case letters, digits and `-`',
} as const satisfies Pattern

/** Names of Secrets and issuers. */
export const objectName = {
  type: 'string',
  maxLength: 253,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  expected: 'the name of an object: lower-case letters, digits, `-` and `.`',
} as const satisfies Pattern

export const secretKey = {
  type: 'string',
  maxLength: 253,
  pattern: '^[-._a-zA-Z0-9]+$',
  expected: 'a key of the Secret: letters, digits, `-`, `_` and `.`',
} as const satisfies Pattern

export const volumeName = {
  type: 'string',
  maxLength: 63,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
  expected: "the name of one of the pod's volumes: lower-case letters, digits and `-`",
} as const satisfies Pattern

/** Within a volume. A segment has a character other than a dot at its first or second place, so `..` cannot be one. */
export const relativePath = {
  type: 'string',
  maxLength: 255,
  pattern: '^(\\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*/)*\\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$',
  expected:
    'a path relative to the volume, of letters, digits, `.`, `_`, `-` and `/`, without a `..` in it',
} as const satisfies Pattern

/** Files as the application's container sees them; `*`, `?`, `[…]` and `{…}` stand for parts of names. */
export const absoluteGlob = {
  type: 'string',
  maxLength: 255,
  pattern: '^(/\\.?[-_a-zA-Z0-9*?{}\\[\\],!@+=~][-._a-zA-Z0-9*?{}\\[\\],!@+=~]*)+$',
  expected: 'an absolute path such as /var/log/app/*.log, without a `..` in it',
} as const satisfies Pattern

/** Path of an HTTP request, with its query where there is one. */
export const urlPath = {
  type: 'string',
  maxLength: 255,
  pattern: '^/[-._~a-zA-Z0-9!$&()*+,;=:@%/?]*$',
  expected: 'the path of a URL, beginning with `/`',
} as const satisfies Pattern

export const labelKey = {
  type: 'string',
  maxLength: 317,
  pattern:
    '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$',
  expected: 'the key of a label, such as app or app.kubernetes.io/name',
} as const satisfies Pattern

export const labelValue = {
  type: 'string',
  maxLength: 63,
  pattern: '^([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?)?$',
  expected: 'the value of a label: letters, digits, `-`, `_` and `.`',
} as const satisfies Pattern

/** The form of Gateway API (GEP-2257): whole numbers with units, at most four of them. */
export const duration = {
  type: 'string',
  maxLength: 32,
  pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$',
  expected: 'a duration such as 50ms, 60s or 2160h',
} as const satisfies Pattern

const sizeText = '^[1-9]([0-9]{0,14}|[0-9]{0,8}(k|Ki|M|Mi)|[0-9]{0,5}(G|Gi)|[0-9]{0,2}(T|Ti))$'

/** A size of ours: whole, above zero, and small enough to be exact as a JavaScript number. */
export const size = {
  'x-kubernetes-int-or-string': true,
  maxLength: 16,
  pattern: sizeText,
  rule: `string(self).matches('${sizeText}')`,
  expected: 'a quantity of bytes such as 64Mi or 500k, above zero',
} as const

/** A quantity of a container's resources, as Kubernetes takes it, without sign. */
export const resource = {
  'x-kubernetes-int-or-string': true,
  maxLength: 32,
  pattern: '^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][0-9]{1,2})?$',
  // CEL knows no greatest length here, and twelve patterns of any length would cost more than the API server allows.
  rule: 'isQuantity(string(self)) && quantity(string(self)).compareTo(quantity("0")) >= 0',
  expected: 'an integer, or a quantity as text, such as 50m, "0.5" or 256Mi',
} as const
