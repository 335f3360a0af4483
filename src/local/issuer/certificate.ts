/** cert-manager's Certificate as far as the local issuer honours it, and when it has to be issued anew. Pure. */
import { digestOf } from '../../api/digest.ts'
import type { Kind, KubeObject } from '../../api/objects.ts'

export const certificateKind: Kind = { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' }

export interface Certificate extends KubeObject {
  spec: {
    secretName: string
    commonName?: string
    dnsNames?: string[]
    ipAddresses?: string[]
    isCA?: boolean
    usages?: string[]
    /** Go durations; cert-manager's default is 2160h. */
    duration?: string
    renewBefore?: string
    renewBeforePercentage?: number
    privateKey?: { algorithm?: 'RSA' | 'ECDSA' | 'Ed25519'; rotationPolicy?: 'Always' | 'Never' }
    issuerRef: { name: string; kind?: string; group?: string }
    keystores?: {
      pkcs12?: { create: boolean; password?: string; passwordSecretRef?: SecretKeyRef }
    }
    secretTemplate?: { annotations?: Record<string, string>; labels?: Record<string, string> }
  }
  status?: {
    conditions?: CertificateCondition[]
    notBefore?: string
    notAfter?: string
    renewalTime?: string
    revision?: number
    lastFailureTime?: string
  }
}

interface SecretKeyRef {
  name: string
  key?: string
}

interface CertificateCondition {
  type: string
  status: 'True' | 'False'
  reason: string
  message: string
  lastTransitionTime: string
  observedGeneration: number
}

/** Annotations of the Secret, those of cert-manager. */
export const annotations = {
  certificate: 'cert-manager.io/certificate-name',
  commonName: 'cert-manager.io/common-name',
  altNames: 'cert-manager.io/alt-names',
  ipSans: 'cert-manager.io/ip-sans',
  uriSans: 'cert-manager.io/uri-sans',
  issuerName: 'cert-manager.io/issuer-name',
  issuerKind: 'cert-manager.io/issuer-kind',
  issuerGroup: 'cert-manager.io/issuer-group',
  /** Of ours: the digest of what was asked for. */
  issuedFor: 'local.logstashlink.io/issued-for',
} as const

/** Digest of all that makes another leaf necessary when it changes. */
export function issuedFor(certificate: Certificate): string {
  const { secretTemplate: _, keystores: __, renewBefore: ___, ...claims } = certificate.spec
  return digestOf(claims)
}

/** By default at two thirds of the lifetime, as cert-manager. */
export function renewalTime(certificate: Certificate, notBefore: Date, notAfter: Date): Date {
  const { renewBefore, renewBeforePercentage } = certificate.spec
  const lifetime = notAfter.getTime() - notBefore.getTime()
  const before =
    renewBefore !== undefined
      ? goDuration(renewBefore)
      : (lifetime * (renewBeforePercentage ?? 100 / 3)) / 100
  // What leaves no time at all would be renewed for ever: cert-manager then takes two thirds too.
  const usable = before < lifetime ? before : lifetime / 3
  return new Date(notAfter.getTime() - usable)
}

const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** `2160h`, `1h30m`, `1.5s` → ms; NaN for what is none. */
export function goDuration(text: string): number {
  if (!/^([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(text)) return Number.NaN
  return text
    .matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)
    .reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? Number.NaN), 0)
}

/** Status once it is issued. */
export function readyStatus(
  certificate: Certificate,
  issued: { notBefore: Date; notAfter: Date; renewal: Date; revision: number },
  now: Date,
): NonNullable<Certificate['status']> {
  return {
    conditions: [
      condition(
        certificate,
        'Ready',
        'True',
        'Ready',
        'Certificate is up to date and has not expired',
        now,
      ),
    ],
    notBefore: rfc3339(issued.notBefore),
    notAfter: rfc3339(issued.notAfter),
    renewalTime: rfc3339(issued.renewal),
    revision: issued.revision,
  }
}

/** Status of one that is not ready; `failed` says that the attempt has failed, not that something is still to come. */
export function notReadyStatus(
  certificate: Certificate,
  { reason, message, failed }: { reason: string; message: string; failed: boolean },
  now: Date,
): NonNullable<Certificate['status']> {
  const { lastFailureTime = rfc3339(now), ...rest } = certificate.status ?? {}
  const conditions = (failed ? (['Ready', 'Issuing'] as const) : (['Ready'] as const)).map((type) =>
    condition(certificate, type, 'False', reason, message, now),
  )
  return { ...rest, conditions, ...(failed && { lastFailureTime }) }
}

function condition(
  certificate: Certificate,
  type: 'Ready' | 'Issuing',
  status: 'True' | 'False',
  reason: string,
  message: string,
  now: Date,
): CertificateCondition {
  const before = certificate.status?.conditions?.find((each) => each.type === type)
  const since = before?.status === status ? before.lastTransitionTime : rfc3339(now)
  const observedGeneration = certificate.metadata.generation ?? 1
  return { type, status, reason, message, lastTransitionTime: since, observedGeneration }
}

function rfc3339(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}
