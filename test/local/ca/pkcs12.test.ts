import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { encodeKeystore, encodeTruststore } from '../../../src/local/ca/pkcs12.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import { openssl, withoutOpenssl } from '../../support/openssl.ts'

const passwords = ['changeit', '', 'pässwörd €']

for (const algorithm of ['EC', 'RSA'] as const) {
  test(`Node reads a keystore with an ${algorithm} key, whatever the password`, async () => {
    const authority = await makeTestAuthority()
    const issued = await authority.leaf({ algorithm })
    for (const password of passwords.filter((text) => text !== '')) {
      const pfx = encodeKeystore({ ...issued, caPem: authority.caPem, password })
      createSecureContext({ pfx, passphrase: password })
      assert.throws(() => createSecureContext({ pfx, passphrase: 'other' }), /mac verify failure/)
    }
  })
}

test('openssl reads a keystore as Modern2023 is', { skip: withoutOpenssl }, async (t) => {
  const folder = testFolder(t)
  const authority = await makeTestAuthority()
  const issued = await authority.leaf()
  const file = folder.write(
    'identity.p12',
    encodeKeystore({ ...issued, caPem: authority.caPem, password: 'changeit' }),
  )
  const { ok, output } = openssl([
    'pkcs12',
    '-info',
    '-nodes',
    '-in',
    file,
    '-passin',
    'pass:changeit',
  ])
  assert.ok(ok, output)
  assert.match(output, /MAC: sha256, Iteration 2048/)
  assert.match(
    output,
    /Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256/,
  )
  assert.match(output, /Certificate bag/)
  assert.equal(output.match(/BEGIN CERTIFICATE/g)?.length, 2)
  assert.equal(output.match(/BEGIN PRIVATE KEY/g)?.length, 1)
  const keyIds = [...output.matchAll(/localKeyID: ([0-9A-F ]+)/g)].map(([, id]) => id)
  assert.equal(keyIds.length, 2)
  assert.equal(keyIds[0], keyIds[1])
})

test('openssl reads a truststore with several certificates', {
  skip: withoutOpenssl,
}, async (t) => {
  const folder = testFolder(t)
  const caPems = [
    (await makeTestAuthority({ commonName: 'EC' })).caPem,
    (await makeTestAuthority({ commonName: 'RSA', algorithm: 'RSA' })).caPem,
  ]
  for (const password of passwords) {
    const file = folder.write('truststore.p12', encodeTruststore({ caPems, password }))
    const { ok, output } = openssl([
      'pkcs12',
      '-info',
      '-nokeys',
      '-in',
      file,
      '-passin',
      `pass:${password}`,
    ])
    assert.ok(ok, output)
    assert.equal(output.match(/BEGIN CERTIFICATE/g)?.length, 2)
    assert.match(output, /friendlyName: ca-1/)
    assert.match(output, /2\.16\.840\.1\.113894\.746875\.1\.1|Trusted key usage \(Oracle\)/)
  }
})
