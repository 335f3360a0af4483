/** Writes DER (X.690): just what certificates and PKCS #12 need. Reading, where input may be hostile, is not done here. */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octets: 0x04,
  nil: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmp: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

export const nil = tlv(tags.nil)

export function sequence(...parts: Buffer[]): Buffer {
  return tlv(tags.sequence, ...parts)
}

export function set(...parts: Buffer[]): Buffer {
  return tlv(tags.set, ...parts)
}

export function octets(...parts: Buffer[]): Buffer {
  return tlv(tags.octets, ...parts)
}

/** All bits of the bytes, none unused. */
export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return tlv(tags.bitString, Buffer.of(unusedBits), bytes)
}

export function boolean(value: boolean): Buffer {
  return tlv(tags.boolean, Buffer.of(value ? 0xff : 0))
}

export function utf8(text: string): Buffer {
  return tlv(tags.utf8, Buffer.from(text))
}

export function bmp(text: string): Buffer {
  return tlv(tags.bmp, Buffer.from(text, 'utf16le').swap16())
}

/** A number that is not negative, or the big-endian bytes of one. */
export function integer(value: number | Buffer): Buffer {
  const bytes = typeof value === 'number' ? bytesOf(value) : value
  const first = bytes.findIndex((byte) => byte !== 0)
  const short = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  // A leading one bit would make it negative.
  return tlv(tags.integer, ...((short[0] ?? 0) >= 0x80 ? [Buffer.of(0)] : []), short)
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(tags.oid, Buffer.from([40 * first + second, ...rest].flatMap(base128)))
}

/** UTCTime until 2049 and GeneralizedTime from 2050 on, as RFC 5280 wants it; whole seconds. */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`
  return date.getUTCFullYear() < 2050
    ? tlv(tags.utcTime, Buffer.from(digits.slice(2)))
    : tlv(tags.generalizedTime, Buffer.from(digits))
}

/** Context-specific, holding other elements: `[n]` of the ASN.1 modules. */
export function tagged(number: number, ...parts: Buffer[]): Buffer {
  return tlv(0xa0 + number, ...parts)
}

/** Context-specific in place of a primitive's own tag: `[n] IMPLICIT`. */
export function implicit(number: number, bytes: Buffer): Buffer {
  return tlv(0x80 + number, bytes)
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = bytesOf(body.length)
  return Buffer.concat([Buffer.of(tag, 0x80 + length.length), length, body])
}

function bytesOf(value: number): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

/** Seven bits to a byte, all but the last marked; arc numbers may pass 32 bits. */
function base128(value: number): number[] {
  const bytes = [value % 0x80]
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) {
    bytes.unshift(0x80 + (rest % 0x80))
  }
  return bytes
}
