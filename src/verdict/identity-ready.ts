/** IdentityReady: are the certificates that are ours to ask for issued and valid. */
import type { LogstashLink } from '../api/link.ts'
import { certificateKind, roleName, tlsSecretName, type Role } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import { needsIdentity, roles } from '../api/roles.ts'
import type { Finding } from './finding.ts'

type Identity = Finding<'IdentityReady'>

/** The worst of both roles; where both are well, both are told. */
export function identityReady(observed: Observed): Identity {
  const needing = roles.filter((role) => needsIdentity(observed.link, role))
  if (needing.length === 0) return notNeeded(observed.link)
  const found = needing.map((role) => identityOf(observed, role))
  const bad = found.filter(({ status }) => status !== 'True')
  const [first] = bad.length === 0 ? found : bad
  const messages = (bad.length === 0 ? found : bad).map(({ message }) => message)
  return first === undefined ? notNeeded(observed.link) : { ...first, message: messages.join(' ') }
}

function notNeeded({ spec }: LogstashLink): Identity {
  const why = spec.tls.enabled ? 'No certificate is ours to ask for.' : 'TLS is off.'
  return { status: 'True', reason: 'NotNeeded', message: why }
}

function identityOf(observed: Observed, role: Role): Identity {
  const { link, identities, now } = observed
  const { name, namespace = 'default' } = link.metadata
  const certificate = `Certificate ${roleName(name, role)}`
  const identity = identities[role]
  const failure = failureOf(observed, role)
  const look = `see kubectl describe certificate ${roleName(name, role)} -n ${namespace}`
  if (identity === undefined) {
    const waiting = observed.issuance?.[role]?.message
    const why = waiting === undefined ? '' : `: ${waiting}`
    return failure === undefined
      ? no('Issuing', `${certificate} is not issued yet${why}; ${look}.`)
      : no('IssuerFailed', `${certificate} is not issued: ${failure} (${look}).`)
  }
  if (identity.notAfter === undefined) {
    return no(
      'SecretInvalid',
      `Secret ${tlsSecretName(name, role)} holds no certificate in tls.crt.`,
    )
  }
  if (Date.parse(identity.notAfter) <= Date.parse(now)) {
    const why = failure === undefined ? '' : `: ${failure}`
    return no('Expired', `${certificate} expired at ${identity.notAfter}${why} (${look}).`)
  }
  const renewal = failure === undefined ? '' : ` Its renewal fails: ${failure}`
  return {
    status: 'True',
    reason: 'Issued',
    message: `${certificate} is valid until ${identity.notAfter}.${renewal}`,
  }
}

interface CertificateStatus {
  conditions?: { type: string; status: string; message?: string }[]
  lastFailureTime?: string
}

/** cert-manager's own words for the last attempt, if that failed; those of the request where the Certificate says less. */
function failureOf({ link, objects, issuance }: Observed, role: Role): string | undefined {
  const name = roleName(link.metadata.name, role)
  const certificate = objects.find(
    (object) => object.kind === certificateKind.kind && object.metadata.name === name,
  )
  const { conditions = [], lastFailureTime } =
    (certificate?.['status'] as CertificateStatus | undefined) ?? {}
  const asked = issuance?.[role]?.failed === true ? issuance[role].message : undefined
  if (lastFailureTime === undefined) return asked
  const issuing = conditions.find(({ type, status }) => type === 'Issuing' && status === 'False')
  const told = issuing?.message ?? ''
  if (asked !== undefined && !told.includes(asked)) return asked
  return told || 'the last attempt failed.'
}

function no(reason: Identity['reason'], message: string): Identity {
  return { status: 'False', reason, message }
}
