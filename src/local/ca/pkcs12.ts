/**
 * PKCS #12 (RFC 7292) as cert-manager's profile Modern2023 writes it: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC,
 * integrity by HMAC-SHA-256.
 *
 *   PFX ── authSafe ──┬── encrypted: certificates
 *       └─ mac        └── plain: one key, encrypted by itself (keystores alone)
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  pbkdf2Sync,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import forge from 'node-forge'
import * as der from './der.ts'

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha256: '2.16.840.1.101.3.4.2.1',
  /** Oracle's: without it Java reads a certificate but does not trust it. */
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const

const iterations = 2048

/** A key with its certificate (a chain may follow it in `certPem`) and further certificates of authorities. */
export function encodeKeystore(store: {
  certPem: string
  keyPem: string
  caPem?: string
  password: string
}): Buffer {
  const { certPem, keyPem, caPem = '', password } = store
  const [leaf, ...chain] = certificatesOf(certPem + caPem)
  const keyId = der.octets(
    createHash('sha1')
      .update(leaf ?? '')
      .digest(),
  )
  const link = attribute(oids.localKeyId, keyId)
  const bags = [
    ...(leaf === undefined ? [] : [certBag(leaf, link)]),
    ...chain.map((certificate) => certBag(certificate)),
  ]
  return pfx(
    [encrypted(der.sequence(...bags), password), data(keyBag(keyPem, password, link))],
    password,
  )
}

/** Certificates only, each marked as trusted for Java. */
export function encodeTruststore(store: { caPems: readonly string[]; password: string }): Buffer {
  const { caPems, password } = store
  const trusted = attribute(oids.trustedKeyUsage, der.oid(oids.anyExtendedKeyUsage))
  const bags = caPems.flatMap(certificatesOf).map((certificate, index) =>
    // Java takes entries of one name as one entry.
    certBag(certificate, attribute(oids.friendlyName, der.bmp(`ca-${index}`)), trusted),
  )
  return pfx([encrypted(der.sequence(...bags), password)], password)
}

function certificatesOf(pem: string): Buffer[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block).raw)
}

function certBag(certificate: Buffer, ...attributes: Buffer[]): Buffer {
  const value = der.sequence(der.oid(oids.x509Certificate), der.tagged(0, der.octets(certificate)))
  return bag(oids.certBag, value, attributes)
}

function keyBag(keyPem: string, passphrase: string, link: Buffer): Buffer {
  const format = { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase } as const
  const key = createPrivateKey(keyPem).export(format)
  return der.sequence(bag(oids.shroudedKeyBag, key, [link]))
}

function bag(type: string, value: Buffer, attributes: Buffer[]): Buffer {
  const described = attributes.length === 0 ? [] : [der.set(...attributes)]
  return der.sequence(der.oid(type), der.tagged(0, value), ...described)
}

function attribute(type: string, value: Buffer): Buffer {
  return der.sequence(der.oid(type), der.set(value))
}

function pfx(contents: Buffer[], password: string): Buffer {
  const safe = der.sequence(...contents)
  return der.sequence(der.integer(3), data(safe), mac(safe, password))
}

function data(content: Buffer): Buffer {
  return der.sequence(der.oid(oids.data), der.tagged(0, der.octets(content)))
}

function encrypted(content: Buffer, password: string): Buffer {
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const cipher = createCipheriv(
    'aes-256-cbc',
    pbkdf2Sync(password, salt, iterations, 32, 'sha256'),
    iv,
  )
  const bytes = Buffer.concat([cipher.update(content), cipher.final()])
  const derivation = der.sequence(
    der.oid(oids.pbkdf2),
    der.sequence(
      der.octets(salt),
      der.integer(iterations),
      der.sequence(der.oid(oids.hmacWithSha256), der.nil),
    ),
  )
  const scheme = der.sequence(der.oid(oids.aes256Cbc), der.octets(iv))
  const algorithm = der.sequence(der.oid(oids.pbes2), der.sequence(derivation, scheme))
  const info = der.sequence(der.oid(oids.data), algorithm, der.implicit(0, bytes))
  return der.sequence(
    der.oid(oids.encryptedData),
    der.tagged(0, der.sequence(der.integer(0), info)),
  )
}

function mac(content: Buffer, password: string): Buffer {
  const salt = randomBytes(16)
  // 3 asks the format's own key derivation for a key of integrity.
  const key = forge.pkcs12.generateKey(
    password,
    forge.util.createBuffer(salt.toString('latin1')),
    3,
    iterations,
    32,
    forge.md.sha256.create(),
  )
  const digest = createHmac('sha256', Buffer.from(key.getBytes(), 'latin1'))
    .update(content)
    .digest()
  const digestInfo = der.sequence(der.sequence(der.oid(oids.sha256), der.nil), der.octets(digest))
  return der.sequence(digestInfo, der.octets(salt), der.integer(iterations))
}
