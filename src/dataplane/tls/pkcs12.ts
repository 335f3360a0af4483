/**
 * Reads PKCS #12 (RFC 7292). Node's own `pfx` will not do: it refuses a file without a key, and it takes the chain of
 * one with a key for trusted authorities, which a keystore never is. Import this module only when there is such a
 * file: node-forge behind it costs memory.
 *
 *   PFX ── authSafe ── contents, plain or encrypted ── bags: certificates, keys (encrypted by themselves)
 *       └─ mac: is the password the right one
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { LogstashLinkError, messageOf } from '../../errors.ts'
import { decrypt, derivePkcs12, type Opener } from './decryption.ts'
import { derivationBudget, roundsOfKey } from './derivation.ts'
import {
  bytesOf,
  derOf,
  elementsOf,
  numberOf,
  oidOf,
  parseElement,
  type Element,
} from './elements.ts'
import { kindOf, refusal, type Place } from './place.ts'

export interface Pkcs12 {
  /** DER, in the file's order. */
  certificates: Buffer[]
  /** PKCS #8 in DER, encrypted under the file's password or plain. */
  keys: { der: Buffer; encrypted: boolean }[]
}

const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
} as const

const macDigests: Record<string, 'sha1' | 'sha256' | 'sha384' | 'sha512'> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/**
 * Checks the password and opens all but the keys. Throws LSL_TLS_PKCS12_INVALID, LSL_TLS_PASSWORD_WRONG,
 * LSL_TLS_DERIVATION_COST.
 */
export function readPkcs12(
  content: Buffer,
  password: string,
  kind: 'keystore' | 'truststore',
  place: Place,
): Pkcs12 {
  const opener = { password, spend: derivationBudget(place) }
  try {
    if (content[0] !== 0x30) throw new Error(kindOf(content))
    const [, authSafe, mac] = elementsOf(parseElement(content))
    const safe = plainContent(authSafe)
    if (!passwordFits(mac, safe, opener)) throw refusal('LSL_TLS_PASSWORD_WRONG', place, [])
    const bags = elementsOf(parseElement(safe)).flatMap((part) => bagsOf(part, opener))
    const opened = collect(bags)
    for (const key of opened.keys) if (key.encrypted) opener.spend(roundsOfKey(key.der))
    return opened
  } catch (error) {
    if (error instanceof LogstashLinkError) throw error
    throw refusal('LSL_TLS_PKCS12_INVALID', place, [kind, messageOf(error)], error)
  }
}

/** Content of a part that is not encrypted. */
function plainContent(part: Element | undefined): Buffer {
  const [type, content] = elementsOf(part)
  if (oidOf(type) !== oids.data)
    throw new Error('a file that is signed or sealed with a public key')
  return bytesOf(elementsOf(content)[0])
}

function passwordFits(mac: Element | undefined, safe: Buffer, opener: Opener): boolean {
  if (mac === undefined) throw new Error('one without a check of its integrity')
  const [info, salt, iterations] = elementsOf(mac)
  const [algorithm, expected] = elementsOf(info)
  const type = oidOf(elementsOf(algorithm)[0])
  const digest = macDigests[type]
  if (digest === undefined) {
    throw new Error(`an integrity check that is not known (${type}); write it as Modern2023 does`)
  }
  const wanted = bytesOf(expected)
  const rounds = iterations === undefined ? 1 : numberOf(iterations)
  opener.spend(rounds)
  const { password } = opener
  const length = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[digest]
  const key = derivePkcs12({ password, salt: bytesOf(salt), purpose: 3, rounds, length, digest })
  const got = createHmac(digest, key).update(safe).digest()
  return got.length === wanted.length && timingSafeEqual(got, wanted)
}

/** The bags of one part: [type, value, attributes]. */
function bagsOf(part: Element, opener: Opener): Element[] {
  const [type, content] = elementsOf(part)
  if (oidOf(type) !== oids.encryptedData) return elementsOf(parseElement(plainContent(part)))
  const [, info] = elementsOf(elementsOf(content)[0])
  const [, algorithm, encrypted] = elementsOf(info)
  if (algorithm === undefined) throw new Error('a structure that is not whole')
  return elementsOf(parseElement(decrypt(algorithm, bytesOf(encrypted), opener)))
}

function collect(bags: readonly Element[]): Pkcs12 {
  const found: Pkcs12 = { certificates: [], keys: [] }
  for (const bag of bags) {
    const [type, tagged] = elementsOf(bag)
    const value = elementsOf(tagged)[0]
    const name = oidOf(type)
    if (name === oids.certBag) {
      const [form, certificate] = elementsOf(value)
      if (oidOf(form) !== oids.x509Certificate) throw new Error('a certificate that is not X.509')
      found.certificates.push(bytesOf(elementsOf(certificate)[0]))
    } else if (name === oids.keyBag || name === oids.shroudedKeyBag) {
      found.keys.push({ der: derOf(value), encrypted: name === oids.shroudedKeyBag })
    } else {
      throw new Error(`an entry that is neither certificate nor key (${name})`)
    }
  }
  return found
}
