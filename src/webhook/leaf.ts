/** The certificate with which the webhook serves, as cert-manager writes it into a Secret, and who vouches for it. Pure. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { KubeObject } from '../api/objects.ts'
import { messageOf, TerminalError } from '../errors.ts'

export interface Leaf {
  /** PEM: the leaf, then what stands between it and its authority. */
  cert: string
  /** PEM. */
  key: string
  certificate: X509Certificate
  chain: readonly X509Certificate[]
  /** What a client has to trust. */
  authority: X509Certificate
  /** Milliseconds since 1970. */
  notAfter: number
  /** Equal for equal content. */
  digest: string
}

/** Throws LSL_WEBHOOK_SECRET_INVALID for what cannot be served. */
export function leafOf(secret: KubeObject, now: number): Leaf {
  const { namespace = '', name } = secret.metadata
  const place = `${namespace}/${name}`
  const data = (secret['data'] ?? {}) as Record<string, string | undefined>
  const textOf = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString()
  const [cert, key] = [textOf('tls.crt'), textOf('tls.key')]
  const [certificate, ...chain] = certificatesOf(cert)
  if (certificate === undefined) throw invalid(place, 'a certificate in tls.crt', 'none')
  requireKey(place, certificate, { cert, key })
  return {
    cert,
    key,
    certificate,
    chain,
    authority: authorityOf(certificate, chain, certificatesOf(textOf('ca.crt')), now),
    notAfter: certificate.validToDate.getTime(),
    digest: createHash('sha256').update(cert).update(key).digest('hex'),
  }
}

function requireKey(
  place: string,
  certificate: X509Certificate,
  pem: { cert: string; key: string },
): void {
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(pem.key))) {
      throw invalid(place, 'the key of its certificate in tls.key', 'another one')
    }
    // OpenSSL refuses more than that: keys that are too short, a chain in the wrong order.
    createSecureContext(pem)
  } catch (error) {
    if (error instanceof TerminalError) throw error
    throw invalid(place, 'a certificate and a key that TLS can use', messageOf(error), error)
  }
}

/**
 * ca.crt is empty for issuers that know no authority, and need not belong to the leaf. Then it is the topmost certificate of
 * the chain that stands for it: the API server takes any certificate of caBundle as an anchor.
 */
function authorityOf(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  given: readonly X509Certificate[],
  now: number,
): X509Certificate {
  const named = given.find((each) => chainsTo({ certificate: leaf, chain }, [each], now))
  return named ?? pathOf(leaf, chain).at(-1) ?? leaf
}

/** Whether whoever trusts these certificates, and nothing else, trusts the leaf. */
export function chainsTo(
  { certificate, chain }: Pick<Leaf, 'certificate' | 'chain'>,
  bundle: readonly X509Certificate[],
  now: number,
): boolean {
  const anchors = bundle.filter((anchor) => isValidAt(anchor, now))
  return pathOf(certificate, chain).some((each) =>
    anchors.some(
      (anchor) => anchor.fingerprint256 === each.fingerprint256 || isSignedBy(each, anchor),
    ),
  )
}

export function isValidAt(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime()
}

/** Whether the leaf is good for the name by which it is called. */
export function isFor({ certificate }: Pick<Leaf, 'certificate'>, host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  // The API server looks at no common name.
  return isIP(address) > 0
    ? certificate.checkIP(address) !== undefined
    : certificate.checkHost(host, { subject: 'never' }) !== undefined
}

/** Certificates of a PEM text; a block that is none is passed over. */
export function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)]
    } catch {
      // Seen by what is missing then: no leaf, or a leaf that nothing vouches for.
      return []
    }
  })
}

/** From the leaf upwards, each signed by the next. */
function pathOf(leaf: X509Certificate, chain: readonly X509Certificate[]): X509Certificate[] {
  const path = [leaf]
  const rest = [...chain]
  for (;;) {
    const top = path.at(-1) ?? leaf
    const index = rest.findIndex((each) => isSignedBy(top, each))
    const [next] = index < 0 ? [] : rest.splice(index, 1)
    if (next === undefined) return path
    path.push(next)
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function invalid(place: string, expected: string, got: string, cause?: unknown): TerminalError {
  return new TerminalError(
    'LSL_WEBHOOK_SECRET_INVALID',
    [place, expected, got],
    cause === undefined ? undefined : { cause },
  )
}
