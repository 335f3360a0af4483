import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { describe, it, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import type { ReceiverSettings } from '../../../src/api/sidecar-config.ts'
import { makeTestAuthority, testFolder, writeIdentity } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { rawPost } from '../../support/raw-http.ts'
import { startTestReceiver } from '../../support/receiver.ts'

type Client = { ca: string; cert?: string; key?: string }

function post(port: number, client: Client, body = '{"a":1}\n'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method: 'POST', agent: false, ...client },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** SHA-256 of the leaf that is served. */
function served(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const authority = await makeTestAuthority()
const stranger = await makeTestAuthority({ commonName: 'Stranger' })

type TlsOn = Extract<ReceiverSettings['tls'], { enabled: true }>

async function setUp(
  t: TestContext,
  tls: Partial<TlsOn> = {},
  changes: Partial<ReceiverSettings> = {},
) {
  const folder = testFolder(t)
  const files = writeIdentity(folder, authority, await authority.leaf())
  const receiver = await startTestReceiver(t, {
    tls: {
      enabled: true,
      identity: { type: 'pem', cert: files.cert, key: files.key },
      clientAuthentication: 'None',
      ...tls,
    },
    deliver: { type: 'file', path: folder.path('out'), fsync: false },
    ...changes,
  })
  return { folder, files, receiver }
}

describe('TLS of the receiver', () => {
  const ca = authority.caPem

  it('takes events from who trusts it', async (t) => {
    const { receiver } = await setUp(t)
    assert.equal(await post(receiver.port, { ca }), 200)
    await assert.rejects(post(receiver.port, { ca: stranger.caPem }))
    assert.equal(receiver.checks.ready['listening']?.().ok, true)
    assert.equal(receiver.checks.ready['identity']?.().ok, true)
  })

  it('speaks TLS 1.2 and 1.3, and nothing older', async (t) => {
    const { receiver } = await setUp(t)
    for (const [version, works] of [
      ['TLSv1.3', true],
      ['TLSv1.2', true],
      ['TLSv1.1', false],
    ] as const) {
      const spoken = new Promise((resolve) => {
        const socket = connect(
          {
            host: '127.0.0.1',
            port: receiver.port,
            ca,
            minVersion: version,
            maxVersion: version,
            ciphers: 'ALL:@SECLEVEL=0',
          },
          () => {
            resolve(socket.getProtocol() === version)
            socket.destroy()
          },
        )
        socket.on('error', () => resolve(false))
      })
      assert.equal(await spoken, works, version)
    }
  })

  it('serves a new certificate to new connections without a restart', async (t) => {
    const { folder, receiver } = await setUp(t)
    const before = await served(receiver.port, ca)
    writeIdentity(folder, authority, await authority.leaf())
    await eventually('the new leaf is served', async () =>
      assert.notEqual(await served(receiver.port, ca), before),
    )
  })

  it('is not ready and does not listen before its identity comes', async (t) => {
    const folder = testFolder(t)
    const identity = {
      type: 'pem',
      cert: folder.path('tls.crt'),
      key: folder.path('tls.key'),
    } as const
    const receiver = await startTestReceiver(t, {
      tls: { enabled: true, identity, clientAuthentication: 'None' },
      deliver: { type: 'file', path: folder.path('out'), fsync: false },
    })
    assert.equal(receiver.checks.ready['listening']?.().ok, false)
    const check = receiver.checks.ready['identity']?.()
    assert.equal(check?.ok, false)
    assert.match(check.message, /^Waiting for `tls\.identity`: .*tls\.crt/)
    writeIdentity(folder, authority, await authority.leaf())
    await eventually('it listens', async () => assert.equal(await post(receiver.port, { ca }), 200))
    assert.equal(receiver.checks.ready['identity']?.().ok, true)
  })

  it('stays ready where certificates are optional and there is no trust yet, and says so', async (t) => {
    const folder = testFolder(t)
    const { receiver } = await setUp(t, {
      clientAuthentication: 'Optional',
      clientTrust: { type: 'pem', ca: folder.path('later.crt') },
    })
    const check = receiver.checks.ready['clientTrust']?.()
    assert.equal(check?.ok, true)
    assert.match(check?.message ?? '', /tls.clientTrust/)
  })

  it('is not ready before it knows by whom clients are signed', async (t) => {
    const folder = testFolder(t)
    const { receiver } = await setUp(t, {
      clientAuthentication: 'Required',
      clientTrust: { type: 'pem', ca: folder.path('clients.crt') },
    })
    const check = receiver.checks.ready['clientTrust']
    assert.equal(check?.().ok, false)
    assert.match(check().message, /^Waiting for `tls\.clientTrust`: .*clients\.crt/)
    folder.write('clients.crt', authority.caPem)
    await eventually('it is ready', () => assert.equal(check().ok, true))
  })

  it('measures when the served certificate ends, and whether its files are good', async (t) => {
    const folder = testFolder(t)
    const files = { cert: folder.path('tls.crt'), key: folder.path('tls.key') }
    const receiver = await startTestReceiver(t, {
      tls: { enabled: true, identity: { type: 'pem', ...files }, clientAuthentication: 'None' },
      deliver: { type: 'file', path: folder.path('out'), fsync: false },
    })
    const shown = async (): Promise<string[]> => {
      const lines = (await receiver.registry.metrics()).split('\n')
      return lines.filter((line) => /^logstash_link_receiver_(certificate|tls)_/.test(line))
    }
    const expiry = 'logstash_link_receiver_certificate_expiry_timestamp_seconds'
    const problem = 'logstash_link_receiver_tls_file_problem'
    assert.deepEqual(await shown(), [`${problem} 1`])
    const leaf = await authority.leaf()
    // A certificate counts whole seconds.
    const end = Math.floor(leaf.notAfter.getTime() / 1000)
    writeIdentity(folder, authority, leaf)
    await eventually('the leaf is served', async () =>
      assert.deepEqual(await shown(), [`${expiry} ${end}`, `${problem} 0`]),
    )
    folder.write('tls.crt', 'broken')
    await eventually('the file is bad', async () =>
      assert.deepEqual(await shown(), [`${expiry} ${end}`, `${problem} 1`]),
    )
  })

  it('is not ready while the leaf does not cover its own address, where that is asked for', async (t) => {
    const { folder, receiver } = await setUp(
      t,
      {},
      { requirePodAddresses: true, host: '127.0.0.3' },
    )
    assert.equal(receiver.checks.ready['listening']?.().ok, true)
    assert.match(receiver.checks.ready['identity']?.().message ?? '', /does not cover 127\.0\.0\.3/)
    assert.equal(receiver.checks.ready['identity']?.().ok, false)
    writeIdentity(folder, authority, await authority.leaf({ ipAddresses: ['127.0.0.3'] }))
    await eventually('the leaf covers it', () =>
      assert.equal(receiver.checks.ready['identity']?.().ok, true),
    )
  })

  const cases: ['Optional' | 'Required', 'no' | 'a good' | "a stranger's", boolean][] = [
    ['Optional', 'no', true],
    ['Optional', 'a good', true],
    ['Optional', "a stranger's", false],
    ['Required', 'no', false],
    ['Required', 'a good', true],
    ['Required', "a stranger's", false],
  ]
  for (const [clientAuthentication, certificate, taken] of cases) {
    it(`${clientAuthentication} client authentication, ${certificate} certificate: ${taken ? 'taken' : 'refused'}`, async (t) => {
      const folder = testFolder(t)
      const trust = folder.write('clients.crt', authority.caPem)
      const { receiver } = await setUp(t, {
        clientAuthentication,
        clientTrust: { type: 'pem', ca: trust },
      })
      const signer = certificate === 'a good' ? authority : stranger
      const leaf = await signer.leaf()
      const own = certificate === 'no' ? {} : { cert: leaf.certPem, key: leaf.keyPem }
      const sent = post(receiver.port, { ca, ...own })
      if (taken) assert.equal(await sent, 200)
      else await assert.rejects(sent)
    })
  }

  it('closes a plain request to its TLS port', async (t) => {
    const { receiver } = await setUp(t)
    await assert.rejects(rawPost(receiver.port, '{"a":1}\n'))
    assert.equal(await post(receiver.port, { ca }), 200)
  })

  it('asks for other client authentication from new connections when the setting changes', async (t) => {
    const { files, receiver } = await setUp(t)
    assert.equal(await post(receiver.port, { ca }), 200)
    receiver.change({
      tls: {
        enabled: true,
        identity: { type: 'pem', cert: files.cert, key: files.key },
        clientAuthentication: 'Required',
        clientTrust: { type: 'pem', ca: files.ca },
      },
    })
    await eventually('clients without a certificate are refused', async () =>
      assert.rejects(post(receiver.port, { ca })),
    )
    const leaf = await authority.leaf()
    assert.equal(await post(receiver.port, { ca, cert: leaf.certPem, key: leaf.keyPem }), 200)
  })
})

/** The header of basic authentication for `user:password`. */
const basic = (pair: string) => ({
  authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
})

describe('basic authentication', () => {
  it('tells wrong credentials from missing ones, as the real input does', async (t) => {
    const path = testFolder(t).path('out')
    const receiver = await startTestReceiver(
      t,
      {
        auth: { username: { value: 'ünï' }, password: { env: 'PASSWORD' } },
        deliver: { type: 'file', path, fsync: false },
      },
      { env: { PASSWORD: 'p:ß' } },
    )
    const missing = await rawPost(receiver.port, '{"a":1}')
    assert.equal(missing.status, 401)
    assert.equal(missing.headers['www-authenticate'], 'Basic realm="Logstash HTTP Input"')
    for (const authorization of [
      'Basic',
      'Basic !',
      'Bearer x',
      basic('ünï:wrong').authorization,
      basic('').authorization,
    ]) {
      const wrong = await rawPost(receiver.port, '{"a":1}', { headers: { authorization } })
      assert.equal(wrong.status, 401)
      assert.equal(wrong.headers['www-authenticate'], undefined)
      assert.equal(wrong.headers['content-length'], '0')
    }
    assert.throws(() => readFileSync(path))
    assert.equal(
      (await rawPost(receiver.port, '{"a":1}', { headers: basic('ünï:p:ß') })).status,
      200,
    )
  })

  it('takes up changed credentials and accepts the old ones beside them', async (t) => {
    const folder = testFolder(t)
    const password = folder.write('password', 'old\n')
    const username = folder.write('username', 'user')
    const receiver = await startTestReceiver(t, {
      auth: { username: { file: username }, password: { file: password } },
      deliver: { type: 'file', path: folder.path('out'), fsync: false },
    })
    const status = async (pair: string) =>
      (await rawPost(receiver.port, '{"a":1}', { headers: basic(pair) })).status
    assert.deepEqual([await status('user:old'), await status('user:new')], [200, 401])
    folder.write('password', 'new\n')
    await eventually('the new password is accepted', async () =>
      assert.equal(await status('user:new'), 200),
    )
    assert.equal(await status('user:old'), 200)
  })

  it('takes up a password that changes again and again, and ends with the last', async (t) => {
    const folder = testFolder(t)
    const password = folder.write('password', 'p0')
    const receiver = startTestReceiver(t, {
      auth: { username: { value: 'user' }, password: { file: password } },
      deliver: { type: 'file', path: folder.path('out'), fsync: false },
    })
    // While it starts, too: before the first reading is done.
    for (let i = 1; i < 20; i += 1) folder.write('password', `p${i}`)
    const { port } = await receiver
    for (let i = 20; i < 40; i += 1) folder.write('password', `p${i}`)
    await eventually('the last is accepted', async () =>
      assert.equal((await rawPost(port, '{"a":1}', { headers: basic('user:p39') })).status, 200),
    )
  })

  it('says 503 while there are no credentials to compare with', async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t, {
      auth: { username: { value: 'user' }, password: { file: folder.path('password') } },
      deliver: { type: 'file', path: folder.path('out'), fsync: false },
    })
    assert.equal(
      (await rawPost(receiver.port, '{"a":1}', { headers: basic('user:x') })).status,
      503,
    )
    folder.write('password', 'x')
    await eventually('the password is there', async () =>
      assert.equal(
        (await rawPost(receiver.port, '{"a":1}', { headers: basic('user:x') })).status,
        200,
      ),
    )
  })
})
