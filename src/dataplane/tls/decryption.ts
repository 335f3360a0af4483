/** What PKCS #12 files are encrypted with: PBES2 (RFC 8018) today, the format's own schemes in old files. */
import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import forge from 'node-forge'
import { bytesOf, elementsOf, numberOf, oidOf, type Element } from './elements.ts'

export interface Opener {
  password: string
  /** Told before each derivation how many rounds it will take; throws where that is too much. */
  spend: (rounds: number) => void
}

const oids = { pbes2: '1.2.840.113549.1.5.13', pbkdf2: '1.2.840.113549.1.5.12' } as const

const ciphers: Record<string, { name: string; keyLength: number }> = {
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyLength: 32 },
}

const digests: Record<string, string> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
}

/** Of the old schemes those that openssl and keytool have used. */
const oldSchemes: Record<string, { rc2Bits: number | undefined; keyLength: number }> = {
  '1.2.840.113549.1.12.1.3': { rc2Bits: undefined, keyLength: 24 },
  '1.2.840.113549.1.12.1.5': { rc2Bits: 128, keyLength: 16 },
  '1.2.840.113549.1.12.1.6': { rc2Bits: 40, keyLength: 5 },
}

/** Throws an Error whose message says what is not known or does not fit. */
export function decrypt(algorithm: Element, encrypted: Buffer, opener: Opener): Buffer {
  const [identifier, parameters] = elementsOf(algorithm)
  const scheme = oidOf(identifier)
  if (scheme === oids.pbes2) return decryptPbes2(elementsOf(parameters), encrypted, opener)
  const old = oldSchemes[scheme]
  if (old === undefined) throw new Error(`an encryption that is not known (${scheme})`)
  return decryptOld(old, elementsOf(parameters), encrypted, opener)
}

function decryptPbes2(
  [derivation, encryption]: Element[],
  encrypted: Buffer,
  { password, spend }: Opener,
): Buffer {
  const [derivationOid, derivationParameters] = elementsOf(derivation)
  if (oidOf(derivationOid) !== oids.pbkdf2) {
    throw new Error(`a key derivation that is not known (${oidOf(derivationOid)})`)
  }
  const [salt, iterations, ...optional] = elementsOf(derivationParameters)
  // An optional key length may stand first; without a function named it is HMAC with SHA-1.
  const prf = optional.find(({ constructed }) => constructed)
  const digest = digests[prf === undefined ? '1.2.840.113549.2.7' : oidOf(elementsOf(prf)[0])]
  const [cipherOid, iv] = elementsOf(encryption)
  const cipher = ciphers[oidOf(cipherOid)]
  if (digest === undefined || cipher === undefined) {
    throw new Error('a cipher or digest that is not known')
  }
  const rounds = numberOf(iterations)
  spend(rounds)
  const key = pbkdf2Sync(password, bytesOf(salt), rounds, cipher.keyLength, digest)
  return decipher(cipher.name, key, bytesOf(iv), encrypted)
}

function decryptOld(
  { rc2Bits, keyLength }: { rc2Bits: number | undefined; keyLength: number },
  [salt, iterations]: Element[],
  encrypted: Buffer,
  { password, spend }: Opener,
): Buffer {
  const rounds = numberOf(iterations)
  spend(2 * rounds)
  const derive = (purpose: number, length: number): Buffer =>
    derivePkcs12({ password, salt: bytesOf(salt), purpose, rounds, length, digest: 'sha1' })
  const key = derive(1, keyLength)
  const iv = derive(2, 8)
  if (rc2Bits === undefined) return decipher('des-ede3-cbc', key, iv, encrypted)
  // OpenSSL 3 has RC2 only in its legacy provider, which Node does not load.
  const rc2 = forge.rc2.createDecryptionCipher(key.toString('latin1'), rc2Bits)
  rc2.start(iv.toString('latin1'))
  rc2.update(forge.util.createBuffer(encrypted.toString('latin1')))
  if (!rc2.finish()) throw new Error('a padding that does not fit')
  return Buffer.from(rc2.output.getBytes(), 'latin1')
}

function decipher(name: string, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  const cipher = createDecipheriv(name, key, iv)
  return Buffer.concat([cipher.update(encrypted), cipher.final()])
}

/** The derivation of RFC 7292, appendix B: purpose 1 makes keys, 2 initial vectors, 3 keys of integrity. */
export function derivePkcs12(wanted: {
  password: string
  salt: Buffer
  purpose: number
  rounds: number
  length: number
  digest: 'sha1' | 'sha256' | 'sha384' | 'sha512'
}): Buffer {
  const { password, salt, purpose, rounds, length, digest } = wanted
  const key = forge.pkcs12.generateKey(
    password,
    forge.util.createBuffer(salt.toString('latin1')),
    purpose,
    rounds,
    length,
    forge.md[digest].create(),
  )
  return Buffer.from(key.getBytes(), 'latin1')
}
