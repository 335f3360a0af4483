/** A certificate with its private key, from PEM files or a PKCS #12 keystore. */
import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { IdentitySource } from '../../api/sidecar-config.ts'
import { LogstashLinkError, messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { holdIdentity } from './held-identity.ts'
import { pemCertificates, pemKey } from './pem.ts'
import { readPlace, refusal, type Place } from './place.ts'
import { openReloading, type Loaded, type Reloading } from './reloading.ts'
import { readSecretSource, secretFiles, type Environment } from './secret.ts'
import { openTrust } from './trust.ts'

export interface Identity {
  /** For a secure context: PEM, the leaf first, the key not encrypted. Not to be logged. */
  options: { cert: string; key: string }
  notBefore: Date
  notAfter: Date
  /** SHA-256 of the leaf, as openssl prints it. */
  fingerprint: string
  /** As Node writes it (`DNS:a, IP Address:1.2.3.4`); empty where the leaf has none. */
  subjectAltName: string
  /** Whether a client that connects to this IP and verifies it would accept the leaf. */
  coversAddress(ip: string): boolean
}

export interface TlsFilesDeps {
  log: Log
  env: Environment
  /** How the user calls the setting, for messages: `tls.identity` unless told otherwise. */
  setting?: string
  /** How often to look at the files; 1000 unless told otherwise. */
  intervalMs?: number
  now?: () => Date
  /** How long an authority is to be known before a certificate of it is shown, ms. */
  holdMs?: number
}

/** Never rejects: `problem` says why there is no identity. A leaf past its time is used, since no other is there. */
export async function openIdentity(
  source: IdentitySource,
  deps: TlsFilesDeps,
): Promise<Reloading<Identity>> {
  const { log, env, setting = 'tls.identity', intervalMs, now = () => new Date(), holdMs } = deps
  const newest = await openReloading({
    what: setting,
    files: filesOf(source),
    load: async () => await loadIdentity(source, env, setting),
    ailing: (identity) => outOfTime(identity, now()),
    log,
    ...(intervalMs === undefined ? {} : { intervalMs }),
  })
  if (source.type !== 'pem' || source.ca === undefined) return newest
  const bundle = await openTrust(
    { type: 'pem', ca: source.ca },
    { ...deps, setting: `${setting}.ca` },
  )
  const hold = holdMs === undefined ? {} : { holdMs }
  return holdIdentity(newest, bundle, { what: setting, log, now, ...hold })
}

function filesOf(source: IdentitySource): string[] {
  return source.type === 'pem'
    ? [source.cert, source.key, ...secretFiles(source.passphrase)]
    : [source.keystore, ...secretFiles(source.password)]
}

function outOfTime({ notBefore, notAfter }: Identity, now: Date): string | undefined {
  if (now > notAfter) return `The certificate ended at ${notAfter.toISOString()}`
  if (now < notBefore) return `The certificate begins only at ${notBefore.toISOString()}`
  return undefined
}

async function loadIdentity(
  source: IdentitySource,
  env: Environment,
  setting: string,
): Promise<Loaded<Identity>> {
  return source.type === 'pem'
    ? await loadPem(source, env, setting)
    : await loadKeystore(source, env, setting)
}

async function loadPem(
  source: IdentitySource & { type: 'pem' },
  env: Environment,
  setting: string,
): Promise<Loaded<Identity>> {
  const certPlace = { setting: `${setting}.cert`, file: source.cert }
  const keyPlace = { setting: `${setting}.key`, file: source.key }
  const passphrase =
    source.passphrase && (await readSecretSource(source.passphrase, env, `${setting}.passphrase`))
  const certificates = pemCertificates(await readPlace(certPlace), certPlace)
  const key = pemKey(await readPlace(keyPlace), passphrase, keyPlace)
  return identityOf(certificates, key, keyPlace, source.cert)
}

async function loadKeystore(
  source: IdentitySource & { type: 'pkcs12' },
  env: Environment,
  setting: string,
): Promise<Loaded<Identity>> {
  const place = { setting: `${setting}.keystore`, file: source.keystore }
  const password = await readSecretSource(source.password, env, `${setting}.password`)
  const content = await readPlace(place)
  const { readPkcs12 } = await import('./pkcs12.ts')
  const { certificates, keys } = readPkcs12(content, password, 'keystore', place)
  const [key, ...others] = keys
  if (key === undefined || others.length > 0 || certificates.length === 0) {
    const hint = keys.length === 0 ? ': is it a truststore?' : ''
    const got = `${keys.length} keys and ${certificates.length} certificates${hint}`
    throw refusal('LSL_TLS_KEYSTORE_KEYS', place, [got])
  }
  try {
    const lock = key.encrypted ? { passphrase: password } : {}
    const keyObject = createPrivateKey({ key: key.der, format: 'der', type: 'pkcs8', ...lock })
    const parsed = certificates.map((der) => new X509Certificate(der))
    return identityOf(parsed, keyObject, place, source.keystore)
  } catch (error) {
    if (error instanceof LogstashLinkError) throw error
    throw refusal('LSL_TLS_PKCS12_INVALID', place, ['keystore', messageOf(error)], error)
  }
}

/** Pairs the key with its certificate. A pair that is half replaced does not fit, and so is not taken. */
function identityOf(
  certificates: readonly X509Certificate[],
  key: KeyObject,
  place: Place,
  certFile: string,
): Loaded<Identity> {
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key))
  if (leaf === undefined) throw refusal('LSL_TLS_KEY_MISMATCH', place, [certFile])
  const chain = certificates.filter((certificate) => certificate !== leaf)
  const options = {
    cert: [leaf, ...chain].map((certificate) => certificate.toString()).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
  }
  try {
    // What TLS itself refuses (a key that is too short, say) must not come up when it is to be taken into use.
    createSecureContext(options)
  } catch (error) {
    throw refusal('LSL_TLS_REFUSED', place, [messageOf(error)], error)
  }
  const value: Identity = {
    options,
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
    fingerprint: leaf.fingerprint256,
    subjectAltName: leaf.subjectAltName ?? '',
    coversAddress: (ip) => isIP(ip) !== 0 && leaf.checkIP(ip) !== undefined,
  }
  return { value, digest: createHash('sha256').update(JSON.stringify(options)).digest('hex') }
}
