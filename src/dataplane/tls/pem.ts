/** PEM: certificates are parsed and written anew, so that nothing else of a file goes on. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { derivationBudget, roundsOfKey } from './derivation.ts'
import { kindOf, refusal, type Place } from './place.ts'

/** Base64 has no hyphen, so each block is looked at once, however the file is made. */
const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
const encryptedBlock =
  /-----BEGIN ENCRYPTED PRIVATE KEY-----([^-]*)-----END ENCRYPTED PRIVATE KEY-----/

/** At least one certificate, in the file's order. Throws LSL_TLS_PEM_INVALID for none, or for one that is damaged. */
export function pemCertificates(content: Buffer, place: Place): X509Certificate[] {
  const text = content.toString('latin1')
  const blocks = text.match(certificateBlock) ?? []
  if (blocks.length === 0) throw notPem(place, 'CERTIFICATE blocks', kindOf(content))
  if (blocks.length !== text.split('-----BEGIN CERTIFICATE-----').length - 1) {
    throw notPem(place, 'whole CERTIFICATE blocks', 'one that is cut off')
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch (error) {
      const what = `a damaged one (block ${index + 1} of ${blocks.length})`
      throw notPem(place, 'CERTIFICATE blocks', what, error)
    }
  })
}

/** Labels of blocks that are no certificates, each once. */
export function otherLabels(content: Buffer): string[] {
  const found = content.toString('latin1').matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----/g)
  const labels = new Set([...found].map(([, label = '']) => label))
  labels.delete('CERTIFICATE')
  return [...labels].toSorted()
}

/** One private key. Throws LSL_TLS_PEM_INVALID, LSL_TLS_PASSWORD_WRONG, LSL_TLS_DERIVATION_COST. */
export function pemKey(content: Buffer, passphrase: string | undefined, place: Place): KeyObject {
  const text = content.toString('latin1')
  const encrypted = encryptedBlock.exec(text)?.[1]
  if (encrypted !== undefined) {
    derivationBudget(place)(roundsOfKey(Buffer.from(encrypted, 'base64')))
  }
  const locked = encrypted !== undefined || /^Proc-Type: 4,ENCRYPTED\r?$/m.test(text)
  if (locked && passphrase === undefined) {
    throw notPem(place, 'a private key', 'an encrypted one and no passphrase')
  }
  try {
    return createPrivateKey({
      key: text,
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    if (locked) throw refusal('LSL_TLS_PASSWORD_WRONG', place, [], error)
    throw notPem(place, 'a private key', kindOf(content), error)
  }
}

function notPem(place: Place, wanted: string, got: string, cause?: unknown): Error {
  return refusal('LSL_TLS_PEM_INVALID', place, [wanted, got], cause)
}
