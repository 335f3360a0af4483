/** Who may sign the other side's certificates: PEM, a PKCS #12 truststore, or the system's own list. */
import { createHash, X509Certificate } from 'node:crypto'
import type { TrustSource } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { TlsFilesDeps } from './identity.ts'
import { otherLabels, pemCertificates } from './pem.ts'
import { readPlace, refusal } from './place.ts'
import { openReloading, type Loaded, type Reloading } from './reloading.ts'
import { readSecretSource, secretFiles, type Environment } from './secret.ts'

export interface Trust {
  /** PEM, one certificate each; undefined means Node's own list. */
  ca: string[] | undefined
  /** Changes with the set of certificates, whatever their order. */
  fingerprint: string
}

/** Never rejects: `problem` says why there is nothing to trust. Then nothing is trusted, not even the system's list. */
export async function openTrust(
  source: TrustSource,
  deps: TlsFilesDeps,
): Promise<Reloading<Trust>> {
  const { log, env, setting = 'tls.trust', intervalMs } = deps
  return await openReloading({
    what: setting,
    files: filesOf(source),
    load: async () => await loadTrust(source, env, setting),
    log,
    ...(intervalMs === undefined ? {} : { intervalMs }),
  })
}

function filesOf(source: TrustSource): string[] {
  if (source.type === 'system') return []
  return source.type === 'pem' ? [source.ca] : [source.truststore, ...secretFiles(source.password)]
}

async function loadTrust(
  source: TrustSource,
  env: Environment,
  setting: string,
): Promise<Loaded<Trust>> {
  if (source.type === 'system') {
    return { value: { ca: undefined, fingerprint: 'system' }, digest: 'system' }
  }
  if (source.type === 'pem') return await loadPem(source.ca, `${setting}.ca`)
  const password = await readSecretSource(source.password, env, `${setting}.password`)
  return await loadTruststore(source.truststore, password, `${setting}.truststore`)
}

async function loadPem(file: string, setting: string): Promise<Loaded<Trust>> {
  const place = { setting, file }
  const content = await readPlace(place)
  const trust = trustOf(pemCertificates(content, place))
  const others = otherLabels(content)
  if (others.length === 0) return trust
  const remark = `Of \`${setting}\` (${file}) only the certificates are used, not ${others.join(', ')}`
  return { ...trust, remark }
}

async function loadTruststore(
  file: string,
  password: string,
  setting: string,
): Promise<Loaded<Trust>> {
  const place = { setting, file }
  const content = await readPlace(place)
  const { readPkcs12 } = await import('./pkcs12.ts')
  const { certificates, keys } = readPkcs12(content, password, 'truststore', place)
  if (keys.length > 0) throw refusal('LSL_TLS_TRUSTSTORE_HAS_KEY', place, [])
  if (certificates.length === 0) {
    throw refusal('LSL_TLS_PKCS12_INVALID', place, ['truststore', 'one without certificates'])
  }
  try {
    return trustOf(certificates.map((der) => new X509Certificate(der)))
  } catch (error) {
    throw refusal('LSL_TLS_PKCS12_INVALID', place, ['truststore', messageOf(error)], error)
  }
}

function trustOf(certificates: readonly X509Certificate[]): Loaded<Trust> {
  const distinct = new Map(certificates.map((one) => [one.fingerprint256, one.toString()]))
  const fingerprint = createHash('sha256')
    .update([...distinct.keys()].toSorted().join())
    .digest('hex')
  return { value: { ca: [...distinct.values()], fingerprint }, digest: fingerprint }
}
