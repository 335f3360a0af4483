import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { derivationBudget, roundsOfKey } from '../../../src/dataplane/tls/derivation.ts'
import * as der from '../../../src/local/ca/der.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import {
  identityFor,
  keystoreSource,
  password,
  trustFor,
  truststoreSource,
} from '../../support/tls-files.ts'

const { keyPem, certPem } = await (await makeTestAuthority()).leaf({ algorithm: 'RSA' })
const endless = 2 ** 31 - 1

function encryptedKey(...counts: number[]): Buffer {
  const parameters = der.sequence(der.octets(randomBytes(16)), ...counts.map(der.integer))
  const algorithm = der.sequence(der.oid('1.2.840.113549.1.5.12'), parameters)
  return der.sequence(algorithm, der.octets(randomBytes(1200)))
}

test('the rounds of a key are those that were asked of OpenSSL', () => {
  for (const cipher of ['aes-256-cbc', 'des-ede3-cbc']) {
    const key = createPrivateKey(keyPem)
    const locked = key.export({ type: 'pkcs8', format: 'der', cipher, passphrase: password })
    assert.equal(roundsOfKey(locked), 2048)
  }
})

const cases: [string, Buffer, number][] = [
  ['PBKDF2', encryptedKey(10_000), 10_000],
  ['PBKDF2 with a key length', encryptedKey(10_000, 32), 10_000],
  ['scrypt', encryptedKey(16_384, 8, 1), 131_072],
  ['a count of many bytes', encryptedKey(2 ** 52), Number.POSITIVE_INFINITY],
  ['a length of five bytes', Buffer.from('30850000000003020101', 'hex'), 0],
  [
    'a length of five bytes behind a salt',
    Buffer.from('3080040101028500000000010a', 'hex'),
    Number.POSITIVE_INFINITY,
  ],
  [
    'a salt in parts, as BER allows',
    Buffer.from('3080248004010104010100000202080000', 'hex'),
    2048,
  ],
  ['nothing', Buffer.alloc(0), 0],
]

for (const [title, bytes, rounds] of cases) {
  test(`${title}: ${rounds} rounds`, () => assert.equal(roundsOfKey(bytes), rounds))
}

test('a key in PEM that asks for endless derivation is refused before the work', async (t) => {
  const folder = testFolder(t)
  const base64 = encryptedKey(endless).toString('base64')
  const label = 'ENCRYPTED PRIVATE KEY'
  const identity = await identityFor(t, {
    type: 'pem',
    cert: folder.write('tls.crt', certPem),
    key: folder.write('tls.key', `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`),
    passphrase: { env: 'STORE_PASSWORD' },
  })
  assert.match(
    identity.problem ?? '',
    /tls\.key\) to ask for at most 2000000 rounds .* got 2147483647/,
  )
})

test('stores that ask for endless derivation are refused before the work', async (t) => {
  const safe = der.sequence()
  const content = der.sequence(der.oid('1.2.840.113549.1.7.1'), der.tagged(0, der.octets(safe)))
  const digest = der.sequence(der.oid('2.16.840.1.101.3.4.2.1'), der.nil)
  const info = der.sequence(digest, der.octets(randomBytes(32)))
  const mac = der.sequence(info, der.octets(randomBytes(16)), der.integer(endless))
  const file = testFolder(t).write('slow.p12', der.sequence(der.integer(3), content, mac))
  for (const { problem } of [
    await trustFor(t, truststoreSource(file)),
    await identityFor(t, keystoreSource(file)),
  ]) {
    assert.match(problem ?? '', /slow\.p12\) to ask for at most 2000000 rounds .* got 2147483647/)
  }
})

test('the rounds of one file count together, and exactly the limit is allowed', () => {
  const spend = derivationBudget({ setting: 'tls.identity', file: 'tls.p12' })
  spend(600_000)
  spend(1_400_000)
  spend(0)
  assert.throws(() => spend(1), { code: 'LSL_TLS_DERIVATION_COST' })
  const another = derivationBudget({ setting: 'tls.identity', file: 'tls.p12' })
  assert.throws(() => another(2_000_001), { code: 'LSL_TLS_DERIVATION_COST' })
  assert.throws(() => another(-1), { code: 'LSL_TLS_DERIVATION_COST' })
})
