/** Looks into what node-forge parsed of a file; each accessor throws where the element is of another form. */
import forge from 'node-forge'

export type Element = forge.asn1.Asn1

/** Throws where the bytes are not one whole element. */
export function parseElement(der: Buffer): Element {
  return forge.asn1.fromDer(der.toString('latin1'))
}

/** The element as DER again. */
export function derOf(element: Element | undefined): Buffer {
  if (element === undefined) throw new Error('a structure that is not whole')
  return Buffer.from(forge.asn1.toDer(element).getBytes(), 'latin1')
}

export function elementsOf(element: Element | undefined): Element[] {
  if (element === undefined || typeof element.value === 'string') {
    throw new Error('a structure that is not whole')
  }
  return element.value
}

/** Octets may come in parts (BER). */
export function bytesOf(element: Element | undefined): Buffer {
  if (element === undefined) throw new Error('a structure that is not whole')
  return typeof element.value === 'string'
    ? Buffer.from(element.value, 'latin1')
    : Buffer.concat(element.value.map(bytesOf))
}

export function oidOf(element: Element | undefined): string {
  if (element?.type !== forge.asn1.Type.OID) throw new Error('a structure without its type')
  return forge.asn1.derToOid(bytesOf(element).toString('latin1'))
}

/** A number that is not negative. */
export function numberOf(element: Element | undefined): number {
  const bytes = bytesOf(element)
  const isNumber = element?.type === forge.asn1.Type.INTEGER && bytes.length > 0
  if (!isNumber || bytes.length > 6) throw new Error('a number that does not fit')
  return bytes.readUIntBE(0, bytes.length)
}
