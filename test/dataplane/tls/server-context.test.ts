import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { clientTlsOptions } from '../../../src/dataplane/tls/client-options.ts'
import type { ServerTls } from '../../../src/dataplane/tls/server-context.ts'
import type { Authority } from '../../../src/local/ca/issue.ts'
import { encodeKeystore } from '../../../src/local/ca/pkcs12.ts'
import {
  makeTestAuthority,
  testFolder,
  writeIdentity,
  type TestFolder,
} from '../../support/certificates.ts'
import { identityFor, keystoreSource, password, trustFor } from '../../support/tls-files.ts'
import { tlsServer, visit, type TlsServer } from '../../support/tls-server.ts'

const authority = await makeTestAuthority()
const clients = await makeTestAuthority({ commonName: 'Clients' })
const foreign = await makeTestAuthority({ commonName: 'Foreign' })
const serverLeaf = await authority.leaf()
const clientLeaf = await clients.leaf()
const foreignLeaf = await foreign.leaf()

interface Scene extends TlsServer {
  folder: TestFolder
  tls: ServerTls
}

async function serve(
  t: TestContext,
  clientAuthentication: ServerTls['clientAuthentication'],
): Promise<Scene> {
  const folder = testFolder(t)
  const { cert, key } = writeIdentity(folder, authority, serverLeaf)
  const identity = await identityFor(t, { type: 'pem', cert, key })
  const ca = folder.write('clients.crt', clients.caPem)
  const clientTrust = await trustFor(t, { type: 'pem', ca })
  const tls = { identity, clientAuthentication, clientTrust }
  return { ...(await tlsServer(t, tls)), folder, tls }
}

function optionsOf(
  trusted: Authority,
  identity?: { certPem: string; keyPem: string },
): ConnectionOptions {
  return {
    ...clientTlsOptions({
      trust: { ca: [trusted.caPem], fingerprint: '' },
      verification: 'Full',
      host: '127.0.0.1',
    }),
    ...(identity && { cert: identity.certPem, key: identity.keyPem }),
  }
}

const none = optionsOf(authority)
const good = optionsOf(authority, clientLeaf)
const bad = optionsOf(authority, foreignLeaf)
const required = /ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED|ECONNRESET/
const refused = /ERR_SSL_TLSV1_ALERT_UNKNOWN_CA|ECONNRESET|closed/
const hello = /^hello$/

const matrix = [
  ['None', none, hello, hello, hello],
  ['Optional', none, hello, hello, refused],
  ['Required', none, required, hello, refused],
] as const

for (const [mode, , withNone, withGood, withBad] of matrix) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`client authentication ${mode} by ${version}`, async (t) => {
      const { port, refused: refusals, served } = await serve(t, mode)
      const use = async (options: ConnectionOptions): Promise<string> => {
        const { outcome } = await visit(port, { ...options, maxVersion: version })
        return outcome
      }
      // TLS 1.2 says "handshake failure" where 1.3 has an alert of its own.
      const without =
        version === 'TLSv1.2' && mode === 'Required' ? /HANDSHAKE_FAILURE|ECONNRESET/ : withNone
      assert.match(await use(none), without)
      assert.match(await use(good), withGood)
      assert.match(await use(bad), withBad)
      assert.equal(served(), { None: 3, Optional: 2, Required: 1 }[mode])
      assert.equal(refusals.length, { None: 0, Optional: 1, Required: 2 }[mode], refusals.join())
    })
  }
}

test('without a loaded client trust no client certificate passes', async (t) => {
  const folder = testFolder(t)
  const { cert, key } = writeIdentity(folder, authority, serverLeaf)
  const identity = await identityFor(t, { type: 'pem', cert, key })
  const clientTrust = await trustFor(t, { type: 'pem', ca: folder.path('clients.crt') })
  const { port } = await tlsServer(t, { identity, clientAuthentication: 'Required', clientTrust })
  assert.match((await visit(port, good)).outcome, refused)
  folder.write('clients.crt', clients.caPem)
  await t.waitFor(() => assert.ok(clientTrust.current))
  assert.equal((await visit(port, good)).outcome, 'hello')
})

test("the chain in a server's keystore lets no client in", async (t) => {
  const keystore = testFolder(t).write(
    'identity.p12',
    encodeKeystore({ ...serverLeaf, caPem: authority.caPem, password }),
  )
  const identity = await identityFor(t, keystoreSource(keystore))
  const ca = testFolder(t).write('clients.crt', clients.caPem)
  const clientTrust = await trustFor(t, { type: 'pem', ca })
  const { port } = await tlsServer(t, { identity, clientAuthentication: 'Required', clientTrust })
  const sameAuthority = optionsOf(authority, await authority.leaf())
  assert.match((await visit(port, sameAuthority)).outcome, refused)
  assert.equal((await visit(port, good)).outcome, 'hello')
})

test('a server listens without an identity and works once there is one', async (t) => {
  const folder = testFolder(t)
  const files = { cert: folder.path('tls.crt'), key: folder.path('tls.key') }
  const identity = await identityFor(t, { type: 'pem', ...files })
  const { port } = await tlsServer(t, { identity, clientAuthentication: 'None' })
  assert.notEqual((await visit(port, none)).outcome, 'hello')
  writeIdentity(folder, authority, serverLeaf)
  await t.waitFor(() => assert.ok(identity.current))
  assert.equal((await visit(port, none)).outcome, 'hello')
})

test('an open connection goes on over a new leaf, and new connections get the new one', async (t) => {
  const { port, folder, tls } = await serve(t, 'None')
  const before = tls.identity.current?.fingerprint
  const open = connect({ port, host: '127.0.0.1', ...none })
  const ask = async (): Promise<string> => {
    open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [data] = (await once(open, 'data')) as [Buffer]
    return data.toString()
  }
  assert.match(await ask(), /hello$/)
  writeIdentity(folder, authority, await authority.leaf())
  await t.waitFor(() => assert.notEqual(tls.identity.current?.fingerprint, before))
  assert.match(await ask(), /hello$/)
  assert.equal(open.getPeerCertificate().fingerprint256, before)
  const later = await visit(port, none)
  assert.equal(later.outcome, 'hello')
  assert.equal(later.leaf, tls.identity.current?.fingerprint)
  open.destroy()
})

test('a leaf of a new authority serves those who trust both', async (t) => {
  const next = await makeTestAuthority({ commonName: 'Next' })
  const { port, folder, tls } = await serve(t, 'None')
  const bundle = { ...none, ca: [authority.caPem, next.caPem] }
  assert.equal((await visit(port, bundle)).outcome, 'hello')
  const before = tls.identity.current
  writeIdentity(folder, next, await next.leaf())
  await t.waitFor(() => assert.notEqual(tls.identity.current, before))
  assert.equal((await visit(port, bundle)).outcome, 'hello')
  assert.equal((await visit(port, none)).outcome, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed ${maxVersion} session gets nobody in whose authority has gone`, async (t) => {
    const { port, folder, tls } = await serve(t, 'Required')
    const options = { ...good, maxVersion }
    const first = await visit(port, options)
    assert.ok(first.session)
    const again = await visit(port, { ...options, session: first.session })
    assert.deepEqual([again.outcome, again.resumed], ['hello', true])
    const before = tls.clientTrust?.current
    folder.write('clients.crt', foreign.caPem)
    await t.waitFor(() => assert.notEqual(tls.clientTrust?.current, before))
    const after = await visit(port, { ...options, session: first.session })
    assert.match(after.outcome, refused)
    assert.equal((await visit(port, { ...bad, maxVersion })).outcome, 'hello')
  })
}

test('TLS 1.1 is refused', async (t) => {
  const { port } = await serve(t, 'None')
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  assert.match((await visit(port, { ...none, ...old })).outcome, /PROTOCOL_VERSION|ECONNRESET/)
})

test('plain HTTP to the TLS port is refused and told', async (t) => {
  const { port, refused: refusals } = await serve(t, 'None')
  const plain = connectPlain(port, '127.0.0.1')
  plain.on('error', () => undefined)
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(plain, 'close')
  assert.match(refusals.join(), /http request/)
})
