import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { clientTlsOptions } from '../../../src/dataplane/tls/client-options.ts'
import type { Authority } from '../../../src/local/ca/issue.ts'
import { encodeKeystore } from '../../../src/local/ca/pkcs12.ts'
import {
  makeTestAuthority,
  testFolder,
  writeIdentity,
  type TestFolder,
} from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPost } from '../../support/raw-http.ts'
import { keystoreSource, password } from '../../support/tls-files.ts'
import { tlsServer, visit, type TlsOn, type TlsServer } from '../../support/tls-server.ts'

const authority = await makeTestAuthority()
const clients = await makeTestAuthority({ commonName: 'Clients' })
const foreign = await makeTestAuthority({ commonName: 'Foreign' })
const serverLeaf = await authority.leaf()
const clientLeaf = await clients.leaf()
const foreignLeaf = await foreign.leaf()

interface Scene {
  server: TlsServer
  folder: TestFolder
  tls: TlsOn
}

async function serve(
  t: TestContext,
  clientAuthentication: TlsOn['clientAuthentication'],
): Promise<Scene> {
  const folder = testFolder(t)
  const { cert, key } = writeIdentity(folder, authority, serverLeaf)
  const ca = folder.write('clients.crt', clients.caPem)
  const tls: TlsOn = {
    enabled: true,
    identity: { type: 'pem', cert, key },
    clientAuthentication,
    clientTrust: { type: 'pem', ca },
  }
  return { server: await tlsServer(t, tls), folder, tls }
}

function optionsOf(
  trusted: Authority,
  identity?: { certPem: string; keyPem: string },
): ConnectionOptions {
  return {
    ...clientTlsOptions({
      trust: { ca: [trusted.caPem], fingerprint: '' },
      verification: 'Full',
      name: '127.0.0.1',
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
      const { server } = await serve(t, mode)
      const use = async (options: ConnectionOptions): Promise<string> => {
        const { outcome } = await visit(server.port, { ...options, maxVersion: version })
        return outcome
      }
      // TLS 1.2 says "handshake failure" where 1.3 has an alert of its own.
      const without =
        version === 'TLSv1.2' && mode === 'Required' ? /HANDSHAKE_FAILURE|ECONNRESET/ : withNone
      assert.match(await use(none), without)
      assert.match(await use(good), withGood)
      assert.match(await use(bad), withBad)
      assert.equal(server.asked.length, { None: 3, Optional: 2, Required: 1 }[mode])
      const refusals = server.refused()
      assert.equal(refusals.length, { None: 0, Optional: 1, Required: 2 }[mode], refusals.join())
    })
  }
}

for (const [mode, withNone] of [
  ['Optional', hello],
  ['Required', required],
] as const) {
  test(`${mode}: until client trust is loaded no client certificate passes, and it says so`, async (t) => {
    const folder = testFolder(t)
    const { cert, key } = writeIdentity(folder, authority, serverLeaf)
    const server = await tlsServer(t, {
      identity: { type: 'pem', cert, key },
      clientAuthentication: mode,
      clientTrust: { type: 'pem', ca: folder.path('clients.crt') },
    })
    assert.match((await visit(server.port, good)).outcome, refused)
    assert.match((await visit(server.port, none)).outcome, withNone)
    assert.equal(server.door.knowsClients, false)
    assert.match(server.door.problem ?? '', /^Waiting for `tls\.clientTrust`: .*clients\.crt/)
    folder.write('clients.crt', clients.caPem)
    await eventually('the clients are known', async () =>
      assert.equal((await visit(server.port, good)).outcome, 'hello'),
    )
    assert.deepEqual([server.door.knowsClients, server.door.problem], [true, undefined])
  })
}

test('an authority that the settings no longer name lets nobody in while the new one is awaited', async (t) => {
  const { server, folder, tls } = await serve(t, 'Required')
  assert.equal((await visit(server.port, good)).outcome, 'hello')
  server.change({ ...tls, clientTrust: { type: 'pem', ca: folder.path('others.crt') } })
  await eventually('the change is taken up', async () =>
    assert.match((await visit(server.port, good)).outcome, refused),
  )
  folder.write('others.crt', foreign.caPem)
  await eventually('the new authority is known', async () =>
    assert.equal((await visit(server.port, bad)).outcome, 'hello'),
  )
  assert.match((await visit(server.port, good)).outcome, refused)
})

test("the chain in a server's keystore lets no client in", async (t) => {
  const keystore = testFolder(t).write(
    'identity.p12',
    encodeKeystore({ ...serverLeaf, caPem: authority.caPem, password }),
  )
  const ca = testFolder(t).write('clients.crt', clients.caPem)
  const { port } = await tlsServer(t, {
    identity: keystoreSource(keystore),
    clientAuthentication: 'Required',
    clientTrust: { type: 'pem', ca },
  })
  const sameAuthority = optionsOf(authority, await authority.leaf())
  assert.match((await visit(port, sameAuthority)).outcome, refused)
  assert.equal((await visit(port, good)).outcome, 'hello')
})

test('nobody is served before there is an identity, and then everybody', async (t) => {
  const folder = testFolder(t)
  const identity = {
    type: 'pem',
    cert: folder.path('tls.crt'),
    key: folder.path('tls.key'),
  } as const
  const server = await tlsServer(t, { identity, clientAuthentication: 'None' })
  assert.equal(server.door.listening, false)
  assert.match(server.door.problem ?? '', /^Waiting for `tls\.identity`: .*tls\.crt/)
  writeIdentity(folder, authority, serverLeaf)
  await eventually('it serves', async () =>
    assert.equal((await visit(server.port, none)).outcome, 'hello'),
  )
  assert.equal(server.door.problem, undefined)
})

test('who switches TLS on is not served in the clear while the identity is awaited', async (t) => {
  const { server, folder, tls } = await serve(t, 'None')
  const { port } = server
  const ask = async (): Promise<number> => (await rawPost(port, 'a')).status
  server.change({ enabled: false })
  await eventually('it serves in the clear', async () => assert.equal(await ask(), 200))
  const identity = {
    type: 'pem',
    cert: folder.path('new.crt'),
    key: folder.path('new.key'),
  } as const
  server.change({ ...tls, identity })
  await eventually('it does no longer', () => assert.rejects(ask()))
  assert.equal(server.door.listening, false)
  folder.write('new.key', serverLeaf.keyPem)
  folder.write('new.crt', serverLeaf.certPem)
  await eventually('it serves by TLS', async () =>
    assert.equal((await visit(port, none)).outcome, 'hello'),
  )
})

test('a connection made on former terms ends with the answer to what it had begun', async (t) => {
  const { server, tls } = await serve(t, 'None')
  const open = connect({ port: server.port, host: '127.0.0.1', ...none })
  const closed = once(open, 'close')
  let answers = ''
  open.setEncoding('utf8')
  open.on('data', (text: string) => (answers += text))
  open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n')
  await eventually('the first is answered', () => assert.match(answers, /hello$/))
  server.change({ ...tls, clientAuthentication: 'Required' })
  await eventually('certificates are required', async () =>
    assert.match((await visit(server.port, none)).outcome, required),
  )
  open.write('Host: a\r\n\r\n')
  await closed
  assert.equal(answers.match(/hello/g)?.length, 2)
})

test('a broken certificate leaves the one before in service, and it says so', async (t) => {
  const { server, folder } = await serve(t, 'None')
  folder.write('tls.crt', 'broken')
  await eventually('it says so', () => assert.match(server.door.problem ?? '', /tls\.crt/))
  const { outcome, leaf } = await visit(server.port, none)
  assert.deepEqual([outcome, leaf], ['hello', server.door.identity?.fingerprint])
})

test('an open connection goes on over a new leaf, and new connections get the new one', async (t) => {
  const { server, folder } = await serve(t, 'None')
  const before = server.door.identity?.fingerprint
  const open = connect({ port: server.port, host: '127.0.0.1', ...none })
  const ask = async (): Promise<string> => {
    open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const [data] = (await once(open, 'data')) as [Buffer]
    return data.toString()
  }
  assert.match(await ask(), /hello$/)
  writeIdentity(folder, authority, await authority.leaf())
  await eventually('the new leaf is in service', () =>
    assert.notEqual(server.door.identity?.fingerprint, before),
  )
  assert.match(await ask(), /hello$/)
  assert.equal(open.getPeerCertificate().fingerprint256, before)
  const later = await visit(server.port, none)
  assert.equal(later.outcome, 'hello')
  assert.equal(later.leaf, server.door.identity?.fingerprint)
  open.destroy()
})

test('a leaf of a new authority serves those who trust both', async (t) => {
  const next = await makeTestAuthority({ commonName: 'Next' })
  const { server, folder } = await serve(t, 'None')
  const bundle = { ...none, ca: [authority.caPem, next.caPem] }
  assert.equal((await visit(server.port, bundle)).outcome, 'hello')
  const before = server.door.identity
  writeIdentity(folder, next, await next.leaf())
  await eventually('the new leaf is in service', () =>
    assert.notEqual(server.door.identity, before),
  )
  assert.equal((await visit(server.port, bundle)).outcome, 'hello')
  assert.equal((await visit(server.port, none)).outcome, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed ${maxVersion} session gets nobody in whose authority has gone`, async (t) => {
    const { server, folder } = await serve(t, 'Required')
    const options = { ...good, maxVersion }
    const first = await visit(server.port, options)
    assert.ok(first.session)
    const again = await visit(server.port, { ...options, session: first.session })
    assert.deepEqual([again.outcome, again.resumed], ['hello', true])
    folder.write('clients.crt', foreign.caPem)
    await eventually('the new authority is known', async () =>
      assert.equal((await visit(server.port, { ...bad, maxVersion })).outcome, 'hello'),
    )
    const after = await visit(server.port, { ...options, session: first.session })
    assert.match(after.outcome, refused)
  })
}

test('TLS 1.1 is refused', async (t) => {
  const { server } = await serve(t, 'None')
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const { outcome } = await visit(server.port, { ...none, ...old })
  assert.match(outcome, /PROTOCOL_VERSION|ECONNRESET/)
})

test('plain HTTP to the TLS port is refused and told', async (t) => {
  const { server } = await serve(t, 'None')
  const plain = connectPlain(server.port, '127.0.0.1')
  plain.on('error', () => undefined)
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(plain, 'close')
  assert.match(server.refused().join(), /http request/)
})
