import assert from 'node:assert/strict'
import { createHmac, randomBytes, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { IdentitySource, TrustSource } from '../../../src/api/sidecar-config.ts'
import * as der from '../../../src/local/ca/der.ts'
import { encodeKeystore, encodeTruststore } from '../../../src/local/ca/pkcs12.ts'
import { derivePkcs12 } from '../../../src/dataplane/tls/decryption.ts'
import { bytesOf, elementsOf, parseElement } from '../../../src/dataplane/tls/elements.ts'
import { openIdentity } from '../../../src/dataplane/tls/identity.ts'
import { openTrust } from '../../../src/dataplane/tls/trust.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import { capturedLog } from '../../support/log.ts'
import { keystoreSource, password, trustFor, truststoreSource } from '../../support/tls-files.ts'

const authority = await makeTestAuthority()
const leaf = await authority.leaf()
const good = {
  keystore: encodeKeystore({ ...leaf, caPem: authority.caPem, password }),
  truststore: encodeTruststore({ caPems: [authority.caPem], password }),
  pem: Buffer.from(leaf.keyPem + leaf.certPem + authority.caPem),
}

/** What the integrity check of a store covers. */
function safeOf(store: Buffer): Buffer {
  const [, authSafe] = elementsOf(parseElement(store))
  return bytesOf(elementsOf(elementsOf(authSafe)[1])[0])
}

/** A store with these contents and a check that fits, so that mutations are not seen by the check already. */
function sealed(safe: Buffer): Buffer {
  const salt = randomBytes(8)
  const key = derivePkcs12({ password, salt, purpose: 3, rounds: 1, length: 32, digest: 'sha256' })
  const digest = createHmac('sha256', key).update(safe).digest()
  const info = der.sequence(
    der.sequence(der.oid('2.16.840.1.101.3.4.2.1'), der.nil),
    der.octets(digest),
  )
  const mac = der.sequence(info, der.octets(salt), der.integer(1))
  return der.sequence(der.integer(3), data(safe), mac)
}

function data(content: Buffer): Buffer {
  return der.sequence(der.oid('1.2.840.113549.1.7.1'), der.tagged(0, der.octets(content)))
}

/** Contents with one certificate that is not encrypted. */
const plainSafe = der.sequence(
  data(
    der.sequence(
      der.sequence(
        der.oid('1.2.840.113549.1.12.10.1.3'),
        der.tagged(
          0,
          der.sequence(
            der.oid('1.2.840.113549.1.9.22.1'),
            der.tagged(0, der.octets(new X509Certificate(authority.caPem).raw)),
          ),
        ),
      ),
    ),
  ),
)

/** Bytes changed, taken out, put in or repeated, at a few places. */
function mutated(original: Buffer): fc.Arbitrary<Buffer> {
  const cut = fc.record({
    at: fc.nat(original.length),
    remove: fc.constantFrom(0, 1, 2, 40),
    insert: fc.uint8Array({ maxLength: 4 }),
    repeat: fc.constantFrom(0, 1, 300),
  })
  return fc.array(cut, { minLength: 1, maxLength: 4 }).map((cuts) => {
    let bytes = original
    for (const { at, remove, insert, repeat } of cuts) {
      const copies = Array.from({ length: repeat }, () => bytes.subarray(at, at + 16))
      bytes = Buffer.concat([bytes.subarray(0, at), insert, ...copies, bytes.subarray(at + remove)])
    }
    return bytes
  })
}

/** Opens the file in each way: taken or refused with a code of the catalogue, and soon. */
async function openAll(file: string): Promise<void> {
  const pem: IdentitySource = { type: 'pem', cert: file, key: file }
  const ca: TrustSource = { type: 'pem', ca: file }
  const env = { STORE_PASSWORD: password }
  const begun = performance.now()
  const { log, lines } = capturedLog()
  const deps = { log, env }
  const opened = [
    await openIdentity(pem, deps),
    await openIdentity(keystoreSource(file), deps),
    await openTrust(ca, deps),
    await openTrust(truststoreSource(file), deps),
  ]
  for (const one of opened) {
    one.close()
    assert.ok(one.current !== undefined || one.problem !== undefined)
  }
  for (const { err } of lines) {
    if (err !== undefined) assert.match((err as { code?: string }).code ?? '', /^LSL_/)
  }
  assert.ok(performance.now() - begun < 20_000, 'a file took too long')
}

const kinds: [string, fc.Arbitrary<Buffer>][] = [
  ['a mutated keystore', mutated(good.keystore)],
  ['a mutated truststore', mutated(good.truststore)],
  ['a keystore mutated behind its check', mutated(safeOf(good.keystore)).map(sealed)],
  ['a truststore mutated behind its check', mutated(safeOf(good.truststore)).map(sealed)],
  ['certificates mutated behind the check', mutated(plainSafe).map(sealed)],
  ['mutated PEM', mutated(good.pem)],
  [
    'random bytes',
    fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  ],
  [
    'random DER',
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.of(0x30, bytes.length, ...bytes)),
  ],
]

for (const [title, bytes] of kinds) {
  test(`${title} is taken or refused with a code, never more`, async (t) => {
    const file = testFolder(t).path('file')
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        writeFileSync(file, content)
        await openAll(file)
      }),
      { numRuns: 150 },
    )
  })
}

const hostile: [string, Buffer][] = [
  ['deep nesting', Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.of(0x30, 0x80)))],
  ['many beginnings of blocks', Buffer.from('-----BEGIN CERTIFICATE-----\n'.repeat(100_000))],
  ['many beginnings of keys', Buffer.from('-----BEGIN ENCRYPTED PRIVATE KEY-----'.repeat(100_000))],
  ['one long line', Buffer.alloc(4 * 2 ** 20, '-')],
  ['many empty blocks', Buffer.from('-----BEGIN A-----\n-----END A-----\n'.repeat(50_000))],
]

for (const [title, content] of hostile) {
  test(`${title} is refused in time`, { timeout: 20_000 }, async (t) => {
    const file = testFolder(t).write('file', content)
    await openAll(file)
  })
}

test('contents sealed for these tests are read where nothing is mutated', async (t) => {
  for (const safe of [safeOf(good.truststore), plainSafe]) {
    const file = testFolder(t).write('file', sealed(safe))
    const trust = await trustFor(t, truststoreSource(file))
    assert.deepEqual(trust.current?.ca, [authority.caPem])
  }
})
