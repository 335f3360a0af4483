import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrustSource } from '../../../src/api/sidecar-config.ts'
import { encodeTruststore } from '../../../src/local/ca/pkcs12.ts'
import {
  makeTestAuthority,
  testFolder,
  writeIdentity,
  type TestFolder,
} from '../../support/certificates.ts'
import { capturedLog } from '../../support/log.ts'
import { openssl, withoutOpenssl } from '../../support/openssl.ts'
import { password, trustFor, truststoreSource } from '../../support/tls-files.ts'

const ec = await makeTestAuthority({ commonName: 'EC' })
const rsa = await makeTestAuthority({ commonName: 'RSA', algorithm: 'RSA' })
const both = [ec.caPem, rsa.caPem]
const leaf = await ec.leaf()

test("the system's list is an undefined ca", async (t) => {
  const trust = await trustFor(t, { type: 'system' })
  assert.deepEqual(trust.current, { ca: undefined, fingerprint: 'system' })
  assert.equal(trust.problem, undefined)
})

test('a bundle and a truststore of the same certificates are the same trust', async (t) => {
  const folder = testFolder(t)
  const ca = folder.write('ca.crt', `# old and new\n${both.join('\n')}${ec.caPem}`)
  const truststore = folder.write(
    't.p12',
    encodeTruststore({ caPems: both.toReversed(), password }),
  )
  const fromPem = await trustFor(t, { type: 'pem', ca })
  const fromStore = await trustFor(t, truststoreSource(truststore))
  assert.deepEqual(fromPem.current?.ca, both)
  assert.deepEqual(fromStore.current?.ca, both.toReversed())
  assert.equal(fromPem.current.fingerprint, fromStore.current.fingerprint)
})

test('of a bundle only the certificates are used, and the rest is said', async (t) => {
  const folder = testFolder(t)
  const { log, lines } = capturedLog()
  const ca = folder.write('ca.crt', leaf.keyPem + ec.caPem)
  const trust = await trustFor(t, { type: 'pem', ca }, { log })
  assert.deepEqual(trust.current?.ca, [ec.caPem])
  const warnings = lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)
  assert.deepEqual(warnings, [
    `Of \`tls.trust.ca\` (${ca}) only the certificates are used, not PRIVATE KEY`,
  ])
})

const refused: [string, (folder: TestFolder) => TrustSource, RegExp, string][] = [
  [
    'a bundle without certificates',
    (folder) => ({ type: 'pem', ca: folder.write('ca.crt', leaf.keyPem) }),
    /`tls\.trust\.ca` \(.*ca\.crt\) to hold CERTIFICATE blocks in PEM, got PEM with PRIVATE KEY/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'a bundle with a damaged certificate',
    (folder) => {
      const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
      return { type: 'pem', ca: folder.write('ca.crt', ec.caPem + damaged) }
    },
    /got a damaged one \(block 2 of 2\)/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'a bundle that is cut off',
    (folder) => ({ type: 'pem', ca: folder.write('ca.crt', both.join('').slice(0, -40)) }),
    /got one that is cut off/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'a truststore in place of a bundle',
    (folder) => ({ type: 'pem', ca: writeIdentity(folder, ec, leaf).truststore }),
    /got DER or PKCS #12/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'a keystore in place of a truststore',
    (folder) => truststoreSource(writeIdentity(folder, ec, leaf).keystore),
    /`tls\.trust\.truststore` \(.*identity\.p12\) to hold certificates only, .* a private key/,
    'LSL_TLS_TRUSTSTORE_HAS_KEY',
  ],
  [
    'a truststore with another password',
    (folder) => truststoreSource(writeIdentity(folder, ec, leaf).truststore, 'WRONG'),
    /password does not open `tls\.trust\.truststore`/,
    'LSL_TLS_PASSWORD_WRONG',
  ],
  [
    'a truststore without certificates',
    (folder) => truststoreSource(folder.write('t.p12', encodeTruststore({ caPems: [], password }))),
    /got one without certificates/,
    'LSL_TLS_PKCS12_INVALID',
  ],
  [
    'an empty truststore',
    (folder) => truststoreSource(folder.write('t.p12', '')),
    /bytes, got 0/,
    'LSL_TLS_FILE_SIZE',
  ],
  [
    'a missing truststore',
    (folder) => truststoreSource(folder.path('t.p12')),
    /Cannot read .*t\.p12, named by tls\.trust\.truststore: ENOENT/,
    'LSL_FILE_UNREADABLE',
  ],
]

for (const [title, source, message, code] of refused) {
  test(`${title} is refused with a sentence that names setting and file`, async (t) => {
    const { log, lines } = capturedLog()
    const trust = await trustFor(t, source(testFolder(t)), { log })
    assert.equal(trust.current, undefined)
    assert.match(trust.problem ?? '', message)
    const warnings = lines.filter(({ level }) => level === 'warn')
    assert.partialDeepStrictEqual(warnings[0], { err: { code } })
  })
}

test('a new bundle replaces the old, and a broken one does not', async (t) => {
  const folder = testFolder(t)
  const ca = folder.write('ca.crt', ec.caPem)
  const trust = await trustFor(t, { type: 'pem', ca })
  let changes = 0
  trust.onChange(() => (changes += 1))
  folder.write('ca.crt', 'broken')
  await t.waitFor(() => assert.ok(trust.problem))
  assert.deepEqual(trust.current?.ca, [ec.caPem])
  folder.write('ca.crt', both.join(''))
  await t.waitFor(() => assert.deepEqual(trust.current?.ca, both))
  assert.equal(changes, 1)
  assert.equal(trust.problem, undefined)
})

for (const flags of [
  [],
  ['-legacy'],
  ['-certpbe', 'NONE'],
  ['-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  ['-certpbe', 'AES-128-CBC', '-macalg', 'sha384'],
]) {
  test(`a truststore made by openssl ${flags.join(' ')} is read`, {
    skip: withoutOpenssl,
  }, async (t) => {
    const folder = testFolder(t)
    const input = folder.write('ca.crt', both.join(''))
    const truststore = folder.path('openssl.p12')
    for (const secret of [password, 'pässwörd €']) {
      const to = ['-out', truststore, '-passout', `pass:${secret}`]
      const { ok, output } = openssl([
        'pkcs12',
        '-export',
        '-nokeys',
        '-in',
        input,
        ...to,
        ...flags,
      ])
      assert.ok(ok, output)
      const env = { STORE_PASSWORD: secret }
      const trust = await trustFor(t, truststoreSource(truststore), { env })
      assert.equal(trust.problem, undefined)
      assert.deepEqual(trust.current?.ca, both)
    }
  })
}

test('a bundle of exactly 4 MiB is taken, one byte more is refused', async (t) => {
  const folder = testFolder(t)
  const { caPem } = await makeTestAuthority()
  const padded = caPem.padEnd(4 * 2 ** 20, '\n')
  const taken = await trustFor(t, { type: 'pem', ca: folder.write('full.crt', padded) })
  assert.equal(taken.problem, undefined)
  assert.equal(taken.current?.ca?.length, 1)
  const refused = await trustFor(t, { type: 'pem', ca: folder.write('over.crt', `${padded}\n`) })
  assert.equal(refused.current, undefined)
  assert.match(refused.problem ?? '', /over\.crt.*4194304.*4194305/)
})
