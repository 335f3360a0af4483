/** TrustDistributed: do those who verify the other side hold the authorities by which to. */
import { configFiles, roleName } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import { roles, selectorOf } from '../api/roles.ts'
import { trustKind } from '../api/trust-source.ts'
import type { Finding, Problem } from './finding.ts'

type TrustFinding = Finding<'TrustDistributed'>

export interface TrustResult {
  pem: string
  problem?: string
  reason?: 'NoAuthority' | 'SecretNotFound' | 'SecretInvalid'
}

export function trustDistributed(
  observed: Observed,
  trust: TrustResult | undefined,
  oversized: readonly Problem[],
): TrustFinding {
  const kind = trustKind(observed.link)
  if (kind === 'None') return yes('NotNeeded', 'TLS is off.')
  if (kind === 'System') return yes('NotNeeded', 'Senders trust the system’s authorities.')
  if (trust === undefined) return pending('The link is not accepted yet.')
  if (trust.problem !== undefined) {
    return { status: 'False', reason: trust.reason ?? 'NoAuthority', message: trust.problem }
  }
  const tooLarge = oversized.filter(({ key }) => key.kind === 'ConfigMap')
  if (tooLarge.length > 0) {
    const message = tooLarge.map((each) => each.message).join(' ')
    return { status: 'False', reason: 'TooLarge', message }
  }
  if (trust.pem === '') {
    return observed.identities.receiver?.notAfter === undefined
      ? pending('The authority is known once the certificate of the receivers is issued.')
      : yes('Distributed', 'The issuer supplies no CA; senders trust the system’s authorities.')
  }
  return isDistributed(observed, trust.pem)
    ? yes('Distributed', `${countOf(trust.pem)} in the ConfigMaps of the link.`)
    : pending('The ConfigMaps of the link are being written.')
}

function isDistributed({ link, objects }: Observed, pem: string): boolean {
  return roles
    .filter((role) => selectorOf(link, role) !== undefined)
    .map((role) => roleName(link.metadata.name, role))
    .every((name) =>
      objects.some(({ kind, metadata, data }) => {
        const files = data as Record<string, string> | undefined
        return kind === 'ConfigMap' && metadata.name === name && files?.[configFiles.trust] === pem
      }),
    )
}

function countOf(pem: string): string {
  const count = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  return count === 1 ? '1 authority is' : `${count} authorities are`
}

function yes(reason: 'Distributed' | 'NotNeeded', message: string): TrustFinding {
  return { status: 'True', reason, message }
}

function pending(message: string): TrustFinding {
  return { status: 'Unknown', reason: 'Pending', message }
}
