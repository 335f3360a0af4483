/** Certificates out of text that a stranger may have written: nothing of it is quoted, and what passes is encoded anew. */
import { X509Certificate } from 'node:crypto'

export interface Certificate {
  /** SHA-256 of the DER form. */
  fingerprint: string
  /** Encoded again from the DER form. */
  pem: string
  /** Milliseconds since 1970. */
  notBefore: number
  notAfter: number
}

/** The largest bundle that is taken: all public authorities together have about 220 KiB. */
const maxBytes = 512 * 1024

const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/**
 * Text that is wholly CERTIFICATE blocks and blanks, or a phrase that says why it is not. A private key, a comment or a
 * broken block refuses the whole, so that a Secret's content cannot be smuggled into a ConfigMap.
 */
export function readCertificates(text: string): Certificate[] | { fault: string } {
  if (Buffer.byteLength(text) > maxBytes) return { fault: `it is over ${maxBytes} bytes` }
  if (text.trim() === '') return { fault: 'it is empty' }
  if (!isOnlyCertificateBlocks(text)) {
    return { fault: 'it holds something beside CERTIFICATE blocks of PEM' }
  }
  const certificates: Certificate[] = []
  for (const [index, [, body = '']] of [...text.matchAll(block)].entries()) {
    const certificate = decode(body)
    if (certificate === undefined) return { fault: `block ${index + 1} of it is no certificate` }
    certificates.push(certificate)
  }
  return certificates
}

/** By form alone: whether they are certificates is not looked at. */
export function isOnlyCertificateBlocks(text: string): boolean {
  return text.replace(block, '').trim() === ''
}

/** Each certificate once, in an order that depends on them alone. */
export function bundleOf(certificates: readonly Certificate[]): string {
  const unique = new Map(certificates.map((each) => [each.fingerprint, each.pem]))
  return [...unique]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, pem]) => pem)
    .join('')
}

function decode(body: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(Buffer.from(body, 'base64'))
    return {
      fingerprint: certificate.fingerprint256,
      pem: encode(certificate.raw),
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
    }
  } catch {
    // OpenSSL's message may repeat the input, and the input may be a password: the caller says which block it was.
    return undefined
  }
}

function encode(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
