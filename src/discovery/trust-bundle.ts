/**
 * The authorities that go into the ConfigMaps of a link.
 *
 *  receivers are      | authorities
 *  -------------------+----------------------------------------------------------------------------------------
 *  ours (selector)    | ca.crt that cert-manager wrote for either role, and those that were distributed before
 *  serviceRef, hosts  | the Secret that tls.trust names, or none: then senders take the system's
 *
 * A CA that is distributed already stays until every sidecar with an identity says that it shows the leaf of now, or until
 * it expires: a receiver that has not yet taken up its new leaf serves from the old one, and senders must verify both. At
 * most eight old ones stay, the youngest. To have one out sooner (a stolen key), delete the link's ConfigMaps: they are
 * written again at once, without it.
 */
import type { LogstashLink } from '../api/link.ts'
import { readInjection } from '../api/injection.ts'
import { annotations, configFiles, roleName } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { needsIdentity, roles } from '../api/roles.ts'
import { trustKind } from '../api/trust-source.ts'
import { bundleOf, readCertificates, type Certificate } from './certificates.ts'

export interface Trust {
  /** Certificates only; empty where there are none (yet), or where the system's are meant. */
  pem: string
  problem?: string
  /** The reason of TrustDistributed that goes with the problem. */
  reason?: 'NoAuthority' | 'SecretNotFound' | 'SecretInvalid'
}

const maxOld = 8

type Read = typeof readCertificates

/** @param read may remember what it has read before: parsing is most of the work */
export function trustBundle(observed: Observed, read: Read = readCertificates): Trust {
  const kind = trustKind(observed.link)
  if (kind === 'Secret') return fromSecret(observed, read)
  return kind === 'Issuer' ? fromIssuer(observed, read) : { pem: '' }
}

function fromSecret({ link, named }: Observed, readAll: Read): Trust {
  const ref = link.spec.tls.trust?.secretRef
  const secret = `Secret ${ref?.name}`
  if (named.trust === undefined || !named.trust.exists) {
    const problem = `${secret}, named by \`spec.tls.trust.secretRef.name\`, does not exist.`
    return { pem: '', problem, reason: 'SecretNotFound' }
  }
  const { content } = named.trust
  if (content === undefined) {
    const problem = `${secret} has no key ${ref?.key}, named by \`spec.tls.trust.secretRef.key\`.`
    return { pem: '', problem, reason: 'SecretInvalid' }
  }
  const read = readAll(content)
  if (!('fault' in read)) return { pem: bundleOf(read) }
  const problem = `Expected key ${ref?.key} of ${secret}, named by \`spec.tls.trust.secretRef.key\`, to hold certificates as PEM and nothing else: ${read.fault}.`
  return { pem: '', problem, reason: 'SecretInvalid' }
}

function fromIssuer(observed: Observed, readAll: Read): Trust {
  const { link, identities, now } = observed
  const current: Certificate[] = []
  for (const role of roles) {
    const ca = identities[role]?.ca
    if (ca === undefined || ca.trim() === '') continue
    const read = readAll(ca)
    if ('fault' in read) {
      const problem = `ca.crt of Secret ${identities[role]?.key.name} is refused: ${read.fault}.`
      return { pem: bundleOf(distributed(observed, readAll)), problem, reason: 'SecretInvalid' }
    }
    current.push(...read)
  }
  const known = new Set(current.map((each) => each.fingerprint))
  const kept = isTakenUp(observed) ? [] : distributed(observed, readAll)
  const old = kept
    .filter((each) => !known.has(each.fingerprint) && each.notAfter > Date.parse(now))
    .toSorted((a, b) => b.notBefore - a.notBefore)
    .slice(0, maxOld)
  const pem = bundleOf([...current, ...old])
  return pem === '' && needsAuthority(link) && Object.keys(identities).length > 0
    ? { pem, problem: noAuthority(link), reason: 'NoAuthority' }
    : { pem }
}

/** All who show a certificate were asked, and show that of now. Where nobody runs, nobody can be asked. */
function isTakenUp({ link, identities, pods, samples }: Observed): boolean {
  const shown = roles
    .filter((role) => needsIdentity(link, role))
    .flatMap((role) =>
      pods
        .filter((pod) => !pod.finished)
        .filter((pod) => readInjection(pod.annotations, link.metadata.name, role) !== undefined)
        .map((pod) => {
          const sample = samples.find((each) => each.pod === pod.name && each.role === role)
          const { fingerprint } = identities[role] ?? {}
          return fingerprint !== undefined && sample?.identity === fingerprint
        }),
    )
  return shown.length > 0 && shown.every(Boolean)
}

/** What our ConfigMaps hold now; a bundle of another source, or of someone else, is none of ours. */
function distributed({ link, objects }: Observed, readAll: Read): Certificate[] {
  const { name, uid } = link.metadata
  const all = objects
    .filter((object) => object.kind === 'ConfigMap' && uid !== undefined && isOwnedBy(object, uid))
    .filter((object) => roles.some((role) => object.metadata.name === roleName(name, role)))
    .filter((object) => object.metadata.annotations?.[annotations.trustSource] === 'Issuer')
    .flatMap((object) => {
      const data = object['data'] as Record<string, string> | undefined
      const read = readAll(data?.[configFiles.trust] ?? '')
      return 'fault' in read ? [] : read
    })
  return [...new Map(all.map((each) => [each.fingerprint, each])).values()]
}

/** Receivers verify clients by the bundle alone; senders can do with the system's authorities (ACME). */
function needsAuthority({ spec }: LogstashLink): boolean {
  return spec.tls.clientAuthentication !== 'None'
}

function noAuthority({ spec }: LogstashLink): string {
  return `The issuer ${spec.tls.issuerRef?.name} supplies no CA (ca.crt is empty), so receivers cannot verify the certificates of senders; use an issuer with a CA, or set \`spec.tls.clientAuthentication\` to None.`
}
