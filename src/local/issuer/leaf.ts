/** Makes one certificate with its key, by the rules of a Certificate object. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  X509Certificate,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { signCertificate } from '../ca/certificate.ts'
import type { Usage } from '../ca/issue.ts'
import { goDuration, type Certificate } from './certificate.ts'
import type { SignerChoice } from './signers.ts'

export interface Leaf {
  /** With what lies between it and the root. */
  certPem: string
  /** PKCS #8. */
  keyPem: string
  caPem: string
  notBefore: Date
  notAfter: Date
}

const defaultDuration = '2160h'
const generate = promisify(generateKeyPair)

/** @param keyPem the former key, which rotationPolicy Never keeps */
export async function signLeaf(
  { spec }: Certificate,
  choice: Exclude<SignerChoice, { message: string }>,
  keyPem: string | undefined,
  now: Date,
): Promise<Leaf> {
  const privateKey =
    keyPem === undefined ? await newKey(spec.privateKey?.algorithm) : createPrivateKey(keyPem)
  const publicKey = createPublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const { commonName = '', dnsNames = [], ipAddresses = [], isCA = false } = spec
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const wanted = new Date(notBefore.getTime() + goDuration(spec.duration ?? defaultDuration))
  const notAfter =
    choice.kind === 'authority' && choice.notAfter < wanted ? choice.notAfter : wanted
  const usages = (spec.usages ?? ['server auth', 'client auth']).filter(
    (usage): usage is Usage => usage === 'server auth' || usage === 'client auth',
  )
  const own = signCertificate(
    {
      commonName,
      publicKey,
      notBefore,
      notAfter,
      isAuthority: isCA,
      dnsNames,
      ipAddresses,
      usages,
    },
    choice.kind === 'self' ? { commonName, publicKey, privateKey } : choice.signer,
  )
  return {
    certPem: own + (choice.kind === 'self' ? '' : choice.chain),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    caPem: choice.kind === 'self' ? own : choice.caPem,
    notBefore,
    notAfter,
  }
}

/** What a Secret holds, or undefined where it is not whole: then it is issued anew. */
export function readLeaf(data: Record<string, string>): Leaf | undefined {
  const [certPem = '', keyPem = '', caPem = ''] = ['tls.crt', 'tls.key', 'ca.crt'].map((field) =>
    Buffer.from(data[field] ?? '', 'base64').toString(),
  )
  try {
    const certificate = new X509Certificate(certPem)
    if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) return undefined
    const { validFromDate: notBefore, validToDate: notAfter } = certificate
    return { certPem, keyPem, caPem, notBefore, notAfter }
  } catch {
    // Not PEM, or cut short: whatever it is, it is no identity.
    return undefined
  }
}

async function newKey(algorithm: 'RSA' | 'ECDSA' | 'Ed25519' = 'RSA'): Promise<KeyObject> {
  // Certificates are signed with SHA-256 here, which Ed25519 has no form for.
  const pair =
    algorithm === 'RSA'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: 'P-256' })
  return pair.privateKey
}
