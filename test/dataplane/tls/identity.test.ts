import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { IdentitySource } from '../../../src/api/sidecar-config.ts'
import { encodeKeystore, encodeTruststore } from '../../../src/local/ca/pkcs12.ts'
import {
  makeTestAuthority,
  testFolder,
  writeIdentity,
  type TestFolder,
} from '../../support/certificates.ts'
import { capturedLog } from '../../support/log.ts'
import { openssl, withoutOpenssl } from '../../support/openssl.ts'
import { identityFor, keystoreSource, password } from '../../support/tls-files.ts'

const authority = await makeTestAuthority()
const ecLeaf = await authority.leaf()
const rsaLeaf = await authority.leaf({ algorithm: 'RSA' })
const between = await makeTestAuthority({ commonName: 'Between', parent: authority })
const chained = await between.leaf()

function pem(folder: TestFolder, cert: string | Buffer, key: string | Buffer): IdentitySource {
  return { type: 'pem', cert: folder.write('tls.crt', cert), key: folder.write('tls.key', key) }
}

for (const [name, issued] of [
  ['EC', ecLeaf],
  ['RSA', rsaLeaf],
] as const) {
  test(`an ${name} identity is the same from PEM and from a keystore`, async (t) => {
    const folder = testFolder(t)
    const files = writeIdentity(folder, authority, issued)
    const fromPem = await identityFor(t, { type: 'pem', cert: files.cert, key: files.key })
    const fromStore = await identityFor(t, keystoreSource(files.keystore))
    const leaf = new X509Certificate(issued.certPem)
    for (const { current, problem } of [fromPem, fromStore]) {
      assert.equal(problem, undefined)
      assert.equal(current?.fingerprint, leaf.fingerprint256)
      assert.deepEqual(current.notAfter, issued.notAfter)
      assert.equal(current.subjectAltName, leaf.subjectAltName)
      assert.equal(createPrivateKey(current.options.key).type, 'private')
      assert.ok(current.coversAddress('127.0.0.1') && current.coversAddress('::1'))
      assert.ok(!current.coversAddress('127.0.0.2') && !current.coversAddress('localhost'))
    }
  })
}

test('a chain goes along, the leaf first, whatever the order of the file', async (t) => {
  const folder = testFolder(t)
  const { certPem, keyPem } = chained
  for (const cert of [certPem + between.caPem, between.caPem + certPem]) {
    const identity = await identityFor(t, pem(folder, cert, keyPem))
    assert.equal(identity.current?.options.cert, certPem + between.caPem)
  }
  const keystore = encodeKeystore({ ...chained, caPem: between.caPem, password })
  const identity = await identityFor(t, keystoreSource(folder.write('k.p12', keystore)))
  assert.equal(identity.current?.options.cert, certPem + between.caPem)
})

for (const cipher of ['aes-256-cbc', 'des-ede3-cbc'] as const) {
  test(`a key in PEM encrypted by ${cipher} opens with its passphrase alone`, async (t) => {
    const folder = testFolder(t)
    const key = createPrivateKey(ecLeaf.keyPem)
    const locked = [
      key.export({ type: 'pkcs8', format: 'pem', cipher, passphrase: 'secret' }),
      key.export({ type: 'sec1', format: 'pem', cipher, passphrase: 'secret' }),
    ]
    for (const keyPem of locked) {
      const source = pem(folder, ecLeaf.certPem, keyPem) as IdentitySource & { type: 'pem' }
      const file = folder.write('passphrase', 'secret\n')
      const open = await identityFor(t, { ...source, passphrase: { file } })
      assert.equal(open.problem, undefined)
      const wrong = await identityFor(t, { ...source, passphrase: { env: 'WRONG' } })
      assert.match(
        wrong.problem ?? '',
        /password does not open `tls\.identity\.key` \(.*tls\.key\)/,
      )
      const none = await identityFor(t, source)
      assert.match(none.problem ?? '', /an encrypted one and no passphrase/)
    }
  })
}

const refused: [string, (folder: TestFolder) => IdentitySource, RegExp, string][] = [
  [
    'a key of another certificate',
    (folder) => pem(folder, ecLeaf.certPem, rsaLeaf.keyPem),
    /private key of `tls\.identity\.key` \(.*tls\.key\) belongs to no certificate of .*tls\.crt/,
    'LSL_TLS_KEY_MISMATCH',
  ],
  [
    'a file that is empty',
    (folder) => pem(folder, '', ecLeaf.keyPem),
    /`tls\.identity\.cert` \(.*tls\.crt\) to have 1 to \d+ bytes, got 0/,
    'LSL_TLS_FILE_SIZE',
  ],
  [
    'a file that is huge',
    (folder) => pem(folder, Buffer.alloc(5 * 2 ** 20), ecLeaf.keyPem),
    /bytes, got 5242880/,
    'LSL_TLS_FILE_SIZE',
  ],
  [
    'a folder',
    (folder) => ({ type: 'pem', cert: folder.path('.'), key: folder.path('.') }),
    /Cannot read .*, named by tls\.identity\.cert: EISDIR/,
    'LSL_FILE_UNREADABLE',
  ],
  [
    'certificate and key that were exchanged',
    (folder) => pem(folder, ecLeaf.keyPem, ecLeaf.certPem),
    /hold CERTIFICATE blocks in PEM, got PEM with PRIVATE KEY/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'garbage for a key',
    (folder) => pem(folder, ecLeaf.certPem, 'garbage'),
    /`tls\.identity\.key` .* a private key in PEM, got something else/,
    'LSL_TLS_PEM_INVALID',
  ],
  [
    'garbage for a keystore',
    (folder) => keystoreSource(folder.write('k.p12', 'garbage')),
    /`tls\.identity\.keystore` \(.*k\.p12\) to be a keystore in PKCS #12, got something else/,
    'LSL_TLS_PKCS12_INVALID',
  ],
  [
    'PEM for a keystore',
    (folder) => keystoreSource(folder.write('k.p12', ecLeaf.certPem)),
    /got PEM with CERTIFICATE/,
    'LSL_TLS_PKCS12_INVALID',
  ],
  [
    'a keystore of the old kind of Java',
    (folder) => keystoreSource(folder.write('k.p12', Buffer.from('feedfeed00000002', 'hex'))),
    /got a Java keystore \(convert it by keytool/,
    'LSL_TLS_PKCS12_INVALID',
  ],
  [
    'a truststore in place of a keystore',
    (folder) => {
      const store = encodeTruststore({ caPems: [authority.caPem], password })
      return keystoreSource(folder.write('k.p12', store))
    },
    /one private key with its certificate.*got 0 keys and 1 certificates: is it a truststore\?/,
    'LSL_TLS_KEYSTORE_KEYS',
  ],
  [
    'a keystore with another password',
    (folder) => keystoreSource(writeIdentity(folder, authority, ecLeaf).keystore, 'WRONG'),
    /password does not open `tls\.identity\.keystore` \(.*identity\.p12\)/,
    'LSL_TLS_PASSWORD_WRONG',
  ],
  [
    'a password that is not in the environment',
    (folder) => keystoreSource(writeIdentity(folder, authority, ecLeaf).keystore, 'MISSING'),
    /environment variable MISSING, named by tls\.identity\.password, to be set/,
    'LSL_ENV_MISSING',
  ],
]

for (const [title, source, message, code] of refused) {
  test(`${title} is refused with a sentence that names setting and file`, async (t) => {
    const { log, lines } = capturedLog()
    const identity = await identityFor(t, source(testFolder(t)), { log })
    assert.equal(identity.current, undefined)
    assert.match(identity.problem ?? '', message)
    const warnings = lines.filter(({ level }) => level === 'warn')
    assert.equal(warnings.length, 1)
    assert.partialDeepStrictEqual(warnings[0], { err: { code } })
  })
}

test('the setting is named as its user calls it', async (t) => {
  const missing = testFolder(t).path('none.p12')
  const identity = await identityFor(t, keystoreSource(missing), { setting: '--keystore' })
  assert.match(
    identity.problem ?? '',
    /Cannot read .*none\.p12, named by --keystore\.keystore: ENOENT/,
  )
})

test('a leaf past its time is used, and the problem says since when', async (t) => {
  const folder = testFolder(t)
  const { certPem, keyPem, notAfter } = await authority.leaf({ days: -1 })
  const { log, lines } = capturedLog()
  const identity = await identityFor(t, pem(folder, certPem, keyPem), { log })
  assert.ok(identity.current)
  assert.equal(identity.problem, `The certificate ended at ${notAfter.toISOString()}`)
  assert.ok(lines.some(({ level, msg }) => level === 'warn' && msg === identity.problem))
})

test('a leaf that ends while the program runs becomes a problem then', async (t) => {
  let now = new Date()
  const source = pem(testFolder(t), ecLeaf.certPem, ecLeaf.keyPem)
  const identity = await identityFor(t, source, { now: () => now })
  assert.equal(identity.problem, undefined)
  now = new Date(ecLeaf.notAfter.getTime() + 1)
  assert.match(identity.problem ?? '', /^The certificate ended at /)
})

test('files that come later are taken when they come', async (t) => {
  const folder = testFolder(t)
  const { log, lines } = capturedLog()
  const source = { type: 'pem', cert: folder.path('tls.crt'), key: folder.path('tls.key') } as const
  const identity = await identityFor(t, source, { log })
  assert.equal(identity.current, undefined)
  let changes = 0
  identity.onChange(() => (changes += 1))
  folder.write('tls.crt', ecLeaf.certPem)
  folder.write('tls.key', ecLeaf.keyPem)
  await t.waitFor(() => assert.ok(identity.current))
  assert.equal(changes, 1)
  assert.equal(identity.problem, undefined)
  assert.ok(lines.some(({ msg }) => msg === 'Files were loaded'))
})

test('a pair of which only the certificate is new is not taken until the key follows', async (t) => {
  const folder = testFolder(t)
  const identity = await identityFor(t, pem(folder, ecLeaf.certPem, ecLeaf.keyPem))
  const before = identity.current
  folder.write('tls.crt', rsaLeaf.certPem)
  await t.waitFor(() => assert.match(identity.problem ?? '', /belongs to no certificate/))
  assert.equal(identity.current, before)
  folder.write('tls.key', rsaLeaf.keyPem)
  await t.waitFor(() => assert.equal(identity.problem, undefined))
  assert.equal(identity.current?.fingerprint, new X509Certificate(rsaLeaf.certPem).fingerprint256)
})

test('a broken new keystore keeps the old identity and is logged once', async (t) => {
  const folder = testFolder(t)
  const { log, lines } = capturedLog()
  const { keystore } = writeIdentity(folder, authority, ecLeaf)
  const identity = await identityFor(t, keystoreSource(keystore), { log })
  const before = identity.current
  const looks = (): number => lines.filter(({ msg }) => msg === 'Files changed').length
  for (const [index, broken] of ['broken', 'broken too'].entries()) {
    folder.write('identity.p12', broken)
    await t.waitFor(() => assert.equal(looks(), index + 1))
    await t.waitFor(() => assert.match(identity.problem ?? '', /got something else/))
  }
  assert.equal(identity.current, before)
  assert.equal(lines.filter(({ level }) => level === 'warn').length, 1)
  folder.write('identity.p12', encodeKeystore({ ...rsaLeaf, password }))
  await t.waitFor(() => assert.notEqual(identity.current, before))
  assert.equal(identity.problem, undefined)
})

test('a file that is written again with the same content is no change', async (t) => {
  const folder = testFolder(t)
  const { log, lines } = capturedLog()
  const identity = await identityFor(t, pem(folder, ecLeaf.certPem, ecLeaf.keyPem), { log })
  identity.onChange(() => assert.fail('nothing changed'))
  folder.write('tls.crt', ecLeaf.certPem)
  await t.waitFor(() => assert.ok(lines.some(({ msg }) => msg === 'Files changed')))
  assert.equal(identity.problem, undefined)
})

test('a password file that changes with its keystore is read again', async (t) => {
  const folder = testFolder(t)
  const keystore = folder.write('k.p12', encodeKeystore({ ...ecLeaf, password: 'one' }))
  const file = folder.write('password', 'one\n')
  const identity = await identityFor(t, { type: 'pkcs12', keystore, password: { file } })
  const before = identity.current
  folder.write('k.p12', encodeKeystore({ ...rsaLeaf, password: 'two' }))
  await t.waitFor(() => assert.match(identity.problem ?? '', /password does not open/))
  folder.write('password', 'two\n')
  await t.waitFor(() => assert.notEqual(identity.current, before))
})

for (const flags of [
  [],
  ['-legacy'],
  ['-keypbe', 'NONE', '-certpbe', 'NONE'],
  ['-macalg', 'sha512'],
]) {
  test(`a keystore made by openssl ${flags.join(' ')} is read`, {
    skip: withoutOpenssl,
  }, async (t) => {
    const folder = testFolder(t)
    for (const issued of [ecLeaf, rsaLeaf]) {
      const input = folder.write('both.pem', issued.keyPem + issued.certPem + authority.caPem)
      const keystore = folder.path('openssl.p12')
      const to = ['-out', keystore, '-passout', `pass:${password}`]
      const { ok, output } = openssl(['pkcs12', '-export', '-in', input, ...to, ...flags])
      assert.ok(ok, output)
      const identity = await identityFor(t, keystoreSource(keystore))
      assert.equal(identity.problem, undefined)
      assert.equal(identity.current?.options.cert, issued.certPem + authority.caPem)
    }
  })
}
