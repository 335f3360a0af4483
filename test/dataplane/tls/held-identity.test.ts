import assert from 'node:assert/strict'
import test from 'node:test'
import { openIdentity } from '../../../src/dataplane/tls/identity.ts'
import { makeTestAuthority, testFolder, type TestAuthority } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

async function setUp(t: { after(done: () => void): void }, { holdMs = 300, days = 30 } = {}) {
  const folder = testFolder(t)
  const [old, young] = await Promise.all([
    makeTestAuthority({ commonName: 'Old' }),
    makeTestAuthority({ commonName: 'Young' }),
  ])
  const write = async (authority: TestAuthority, wishes = {}) => {
    const { certPem, keyPem } = await authority.leaf(wishes)
    folder.write('tls.key', keyPem)
    folder.write('tls.crt', certPem)
  }
  await write(old, { days })
  folder.write('ca.crt', old.caPem)
  const source = {
    type: 'pem',
    cert: folder.path('tls.crt'),
    key: folder.path('tls.key'),
    ca: folder.path('ca.crt'),
  } as const
  const identity = await openIdentity(source, { log: silentLog(), env: {}, intervalMs: 20, holdMs })
  t.after(() => identity.close())
  const first = identity.current?.fingerprint
  assert.ok(first)
  const taken = () =>
    eventually('the new certificate is taken up', () => {
      assert.notEqual(identity.current?.fingerprint, first)
    })
  return { folder, old, young, write, identity, first, taken }
}

test('a new certificate of the same authority is taken up at once', async (t) => {
  const { old, write, taken } = await setUp(t, { holdMs: 1_000_000 })
  await write(old)
  await taken()
})

test('one of a new authority waits until that has been in the bundle for a while', async (t) => {
  const { folder, old, young, write, identity, first, taken } = await setUp(t)
  await write(young)
  // A change of the bundle that says nothing of it, as a sign that the files were looked at.
  folder.write('ca.crt', `${old.caPem}${(await makeTestAuthority()).caPem}`)
  await write(young)
  assert.equal(identity.current?.fingerprint, first)
  const told = Date.now()
  folder.write('ca.crt', old.caPem + young.caPem)
  await taken()
  assert.ok(Date.now() - told >= 290)
})

test('it waits no longer than the old one lasts', async (t) => {
  const fourMinutes = 4 / (24 * 60)
  const { young, write, taken } = await setUp(t, { holdMs: 1_000_000, days: fourMinutes })
  await write(young)
  await taken()
})

test('without a bundle it is taken up at once', async (t) => {
  const { folder, young, write } = await setUp(t)
  const identity = await openIdentity(
    {
      type: 'pem',
      cert: folder.path('tls.crt'),
      key: folder.path('tls.key'),
      ca: folder.path('none'),
    },
    { log: silentLog(), env: {}, intervalMs: 20 },
  )
  t.after(() => identity.close())
  const before = identity.current?.fingerprint
  await write(young)
  await eventually('it is taken up', () => {
    assert.notEqual(identity.current?.fingerprint, before)
  })
})
