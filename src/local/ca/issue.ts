/** A certificate authority in memory: it stands in for cert-manager where there is no cluster. */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { signCertificate, type Signer, type Usage } from './certificate.ts'

export type { Usage } from './certificate.ts'

/** P-256 is quicker to make and cheaper in each handshake; RSA 2048 is what cert-manager makes unless told otherwise. */
export type KeyAlgorithm = 'EC' | 'RSA'

export interface AuthorityRequest {
  commonName: string
  now: () => Date
  days: number
  algorithm?: KeyAlgorithm
  /** Who signs it; it signs itself unless told otherwise. */
  parent?: Authority
}

/** Validity counts from now on, or ends at a given time; a leaf never outlives its authority. */
export type LeafRequest = LeafNames & ({ days: number } | { notAfter: Date })

interface LeafNames {
  commonName?: string
  dnsNames?: readonly string[]
  ipAddresses?: readonly string[]
  usages: readonly Usage[]
  algorithm?: KeyAlgorithm
}

export interface Issued {
  certPem: string
  /** PKCS #8, not encrypted. */
  keyPem: string
  notAfter: Date
}

export interface Authority {
  caPem: string
  notAfter: Date
  signer: Signer
  issue(request: LeafRequest): Promise<Issued>
}

const dayMs = 24 * 60 * 60 * 1000

/** A new authority with a key of its own. Times are whole seconds, as certificates hold no more. */
export async function createAuthority(request: AuthorityRequest): Promise<Authority> {
  const { commonName, now, days, parent } = request
  const keys = await newKeys(request.algorithm)
  const signer = { commonName, ...keys }
  const notBefore = wholeSeconds(now())
  const notAfter = earlier(after(notBefore, days), parent?.notAfter)
  const names = { dnsNames: [], ipAddresses: [], usages: [] }
  const { publicKey } = keys
  const caPem = signCertificate(
    { commonName, publicKey, notBefore, notAfter, isAuthority: true, ...names },
    parent?.signer ?? signer,
  )
  return {
    caPem,
    notAfter,
    signer,
    issue: (leaf) => issueLeaf(leaf, { signer, notAfter }, now()),
  }
}

async function issueLeaf(
  request: LeafRequest,
  authority: { signer: Signer; notAfter: Date },
  now: Date,
): Promise<Issued> {
  const { commonName = '', dnsNames = [], ipAddresses = [], usages } = request
  const { publicKey, privateKey } = await newKeys(request.algorithm)
  const notBefore = wholeSeconds(now)
  const wanted =
    'notAfter' in request ? wholeSeconds(request.notAfter) : after(notBefore, request.days)
  const notAfter = earlier(wanted, authority.notAfter)
  const names = { commonName, dnsNames, ipAddresses, usages }
  const certPem = signCertificate(
    { publicKey, notBefore, notAfter, isAuthority: false, ...names },
    authority.signer,
  )
  return { certPem, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }), notAfter }
}

async function newKeys(
  algorithm: KeyAlgorithm = 'EC',
): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const generate = promisify(generateKeyPair)
  return algorithm === 'EC'
    ? await generate('ec', { namedCurve: 'P-256' })
    : await generate('rsa', { modulusLength: 2048 })
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000)
}

function after(date: Date, days: number): Date {
  return wholeSeconds(new Date(date.getTime() + days * dayMs))
}

function earlier(wanted: Date, limit: Date | undefined): Date {
  return limit !== undefined && limit < wanted ? limit : wanted
}
