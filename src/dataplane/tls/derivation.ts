/**
 * Keys in PKCS #8 and PKCS #12 are encrypted under a password, and the file itself says how much work the derivation of
 * its key is. That work is done in one piece, so a file may ask for no more than a few seconds of it in all.
 */
import { refusal, type Place } from './place.ts'

/** Java writes 10,000 rounds, OpenSSL 2,048; 600,000 each for key, certificates and check is the most that anyone advises. */
const maxRounds = 2_000_000

/** Counts the rounds of one file; throws LSL_TLS_DERIVATION_COST before the work that would pass the limit. */
export function derivationBudget(place: Place): (rounds: number) => void {
  let spent = 0
  return (rounds) => {
    spent += rounds
    if (!(rounds >= 0 && spent <= maxRounds)) {
      throw refusal('LSL_TLS_DERIVATION_COST', place, [maxRounds, spent])
    }
  }
}

/**
 * What an EncryptedPrivateKeyInfo asks for. PBKDF2, scrypt and PKCS #12's own derivation all say it as a salt
 * (OCTET STRING) with counts behind it (INTEGER); the three counts of scrypt make its work by their product. So the
 * elements are read in a row, without regard to where each structure ends.
 */
export function roundsOfKey(der: Buffer): number {
  let total = 0
  let counts: number[] | undefined
  for (const { tag, value } of [...elements(der), { tag: octetsTag, value: der }]) {
    if (tag === integerTag) counts?.push(numberOf(value))
    if (tag !== octetsTag) continue
    const [first = 0, second = 1, third] = counts ?? []
    total += third === undefined ? first : first * second * third
    counts = []
  }
  return total
}

const integerTag = 0x02
const octetsTag = 0x04

/** Primitive elements in the order of their bytes; constructed ones are entered, their lengths not minded. */
function* elements(der: Buffer): Generator<{ tag: number; value: Buffer }> {
  let at = 0
  while (at + 2 <= der.length) {
    const tag = der[at] ?? 0
    const short = der[at + 1] ?? 0
    const lengthBytes = short > 0x80 ? short - 0x80 : 0
    at += 2
    // A length of such a form is not DER, though some would read it: whatever it hides is too much.
    if (lengthBytes > 4) yield { tag: integerTag, value: Buffer.alloc(8, 0xff) }
    if (lengthBytes > 4 || at + lengthBytes > der.length) return
    const length = lengthBytes === 0 ? short % 0x80 : der.readUIntBE(at, lengthBytes)
    at += lengthBytes
    const constructed = (tag & 0x20) !== 0
    if (constructed) continue
    yield { tag, value: der.subarray(at, at + length) }
    at += length
  }
}

/** Infinity for what is longer than any sensible count. */
function numberOf(value: Buffer): number {
  if (value.length > 6) return Number.POSITIVE_INFINITY
  return value.length === 0 ? 0 : value.readUIntBE(0, value.length)
}
