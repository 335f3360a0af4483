/** X.509 certificates (RFC 5280), signed with node:crypto. */
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import * as der from './der.ts'

export type Usage = 'server auth' | 'client auth'

/** What a certificate says; who signs it is said apart. */
export interface Claims {
  /** Empty: the alternative names are then critical, since they alone name the subject. */
  commonName: string
  publicKey: KeyObject
  notBefore: Date
  notAfter: Date
  isAuthority: boolean
  dnsNames: readonly string[]
  ipAddresses: readonly string[]
  usages: readonly Usage[]
}

export interface Signer {
  commonName: string
  publicKey: KeyObject
  privateKey: KeyObject
}

const oids = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
} as const

const usageOids: Record<Usage, string> = {
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
}

/** One CERTIFICATE block, with a new random serial number of 128 bits. */
export function signCertificate(claims: Claims, signer: Signer): string {
  const algorithm = signatureAlgorithm(signer.privateKey)
  const toBeSigned = der.sequence(
    der.tagged(0, der.integer(2)),
    der.integer(randomBytes(16)),
    algorithm,
    name(signer.commonName),
    der.sequence(der.time(claims.notBefore), der.time(claims.notAfter)),
    name(claims.commonName),
    spki(claims.publicKey),
    der.tagged(3, der.sequence(...extensions(claims, signer))),
  )
  const signature = sign('sha256', toBeSigned, signer.privateKey)
  return pem('CERTIFICATE', der.sequence(toBeSigned, algorithm, der.bitString(signature)))
}

function extensions(claims: Claims, signer: Signer): Buffer[] {
  const identified = claims.isAuthority
    ? [
        extension(oids.basicConstraints, true, der.sequence(der.boolean(true))),
        // keyCertSign, cRLSign
        extension(oids.keyUsage, true, der.bitString(Buffer.of(0b0000_0110), 1)),
      ]
    : [
        extension(oids.basicConstraints, true, der.sequence()),
        extension(oids.keyUsage, true, leafKeyUsage(claims.publicKey)),
        extension(
          oids.extKeyUsage,
          false,
          der.sequence(...claims.usages.map((usage) => der.oid(usageOids[usage]))),
        ),
      ]
  return [
    ...identified,
    extension(oids.subjectKeyIdentifier, false, der.octets(keyIdentifier(claims.publicKey))),
    extension(
      oids.authorityKeyIdentifier,
      false,
      der.sequence(der.implicit(0, keyIdentifier(signer.publicKey))),
    ),
    ...alternativeNames(claims),
  ]
}

/** digitalSignature; with RSA also keyEncipherment, which TLS 1.2 may use. */
function leafKeyUsage(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? der.bitString(Buffer.of(0b1010_0000), 5)
    : der.bitString(Buffer.of(0b1000_0000), 7)
}

function alternativeNames({ commonName, dnsNames, ipAddresses }: Claims): Buffer[] {
  if (dnsNames.length + ipAddresses.length === 0) return []
  const names = [
    ...dnsNames.map((dnsName) => der.implicit(2, Buffer.from(dnsName, 'latin1'))),
    ...ipAddresses.map((address) => der.implicit(7, addressBytes(address))),
  ]
  return [extension(oids.subjectAltName, commonName === '', der.sequence(...names))]
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  // A URL's host is in the shortest form, with at most one `::` and never an embedded IPv4.
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = shortest.split('::')
  const [before, after] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const all = [...before, ...zeros, ...after].map((group) => group.padStart(4, '0'))
  return Buffer.from(all.join(''), 'hex')
}

function groups(text: string | undefined): string[] {
  return text ? text.split(':') : []
}

function extension(identifier: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der.boolean(true)] : []
  return der.sequence(der.oid(identifier), ...flag, der.octets(value))
}

function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? der.sequence(der.oid(oids.sha256WithRsa), der.nil)
    : der.sequence(der.oid(oids.ecdsaWithSha256))
}

function name(commonName: string): Buffer {
  if (commonName === '') return der.sequence()
  return der.sequence(der.set(der.sequence(der.oid(oids.commonName), der.utf8(commonName))))
}

/** Any digest will do as identifier, as long as issuer and subject use the same (RFC 5280, 4.2.1.2). */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha256').update(spki(key)).digest().subarray(0, 20)
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
