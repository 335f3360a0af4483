import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import test from 'node:test'
import type { TLSSocket } from 'node:tls'
import type { SenderSettings } from '../../../src/api/sidecar-config.ts'
import { makeTestAuthority, testFolder, writeIdentity } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

type Tls = Extract<SenderSettings['tls'], { enabled: true }>

const authority = await makeTestAuthority()
const stranger = await makeTestAuthority({ commonName: 'Stranger' })
const leaf = await authority.leaf()
const named = await authority.leaf({ dnsNames: ['orders-receiver.shop.svc'], ipAddresses: [] })
const ended = await authority.leaf({ days: -1 })

const serve = (issued: { certPem: string; keyPem: string }) => ({
  cert: issued.certPem,
  key: issued.keyPem,
})

function problemOf(sender: { status(): object }): string {
  return String((sender.status() as { problem?: string }).problem)
}

const cases: {
  title: string
  server: Parameters<typeof serve>[0]
  trusted?: typeof authority
  tls?: Partial<Tls>
  problem?: RegExp
}[] = [
  { title: 'an IP in the certificate', server: leaf },
  {
    title: 'the server name, where the host is an IP',
    server: named,
    tls: { serverName: 'orders-receiver.shop.svc' },
  },
  { title: 'no name that fits', server: named, problem: /ALTNAME/ },
  { title: 'another authority', server: leaf, trusted: stranger, problem: /verify|issuer|SELF/i },
  { title: 'an end in the past', server: ended, problem: /expired/i },
  {
    title: 'anything at all, with verification None',
    server: ended,
    trusted: stranger,
    tls: { verification: 'None' },
  },
]

for (const { title, server, trusted = authority, tls, problem } of cases) {
  test(`a certificate with ${title} is ${problem ? 'refused' : 'taken'}`, async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t, { tls: serve(server) })
    const ca = folder.write('ca.crt', trusted.caPem)
    const sender = await startTestSender(t, [receiver.port], {
      tls: { enabled: true, trust: { type: 'pem', ca }, verification: 'Full', ...tls },
    })
    sender.write(0, 10)
    if (problem) {
      await eventually('the status says so', () => assert.match(problemOf(sender), problem))
      assert.equal(receiver.requests.length, 0)
    } else {
      sender.input.end()
      await sender.drained
      assert.equal(receiver.accepted.length, 10)
    }
  })
}

test('a client certificate is shown, and its absence is the fault that is told', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t, {
    tls: { ...serve(leaf), ca: authority.caPem, requestCert: true, rejectUnauthorized: true },
  })
  const files = writeIdentity(folder, authority, leaf)
  const tls: Tls = { enabled: true, trust: { type: 'pem', ca: files.ca }, verification: 'Full' }
  const without = await startTestSender(t, [receiver.port], { tls })
  without.write(0, 1)
  await eventually('the status says so', () =>
    assert.match(problemOf(without), /certificate required|CERTIFICATE_REQUIRED|alert/i),
  )
  // The identity comes by a change of settings while it runs.
  without.change({
    tls: { ...tls, identity: { type: 'pem', cert: files.cert, key: files.key } },
  })
  without.input.end()
  await without.drained
  assert.equal(receiver.accepted.length, 1)
})

test("metrics say when the sender's own certificate ends, and whether its files are good", async (t) => {
  const folder = testFolder(t)
  const files = { cert: folder.path('tls.crt'), key: folder.path('tls.key') }
  const ca = folder.write('ca.crt', authority.caPem)
  const sender = await startTestSender(t, [], {
    tls: {
      enabled: true,
      trust: { type: 'pem', ca },
      verification: 'Full',
      identity: { type: 'pem', ...files },
    },
  })
  const sample = async (name: string): Promise<string | undefined> => {
    const lines = (await sender.metric(name)).split('\n')
    return lines.find((line) => !line.startsWith('#') && line !== '')
  }
  const expiry = 'logstash_link_sender_certificate_expiry_timestamp_seconds'
  const problem = 'logstash_link_sender_tls_file_problem'
  const shown = async () => [await sample(expiry), await sample(problem)]
  assert.deepEqual(await shown(), [undefined, `${problem} 1`])
  writeIdentity(folder, authority, leaf)
  // A certificate counts whole seconds.
  const end = Math.floor(leaf.notAfter.getTime() / 1000)
  await eventually('the identity is loaded', async () =>
    assert.deepEqual(await shown(), [`${expiry} ${end}`, `${problem} 0`]),
  )
})

test('without trust files nothing is sent, and it begins when they come', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t, { tls: serve(leaf) })
  const ca = folder.path('ca.crt')
  const sender = await startTestSender(t, [receiver.port], {
    tls: { enabled: true, trust: { type: 'pem', ca }, verification: 'Full' },
  })
  sender.write(0, 10)
  assert.match(problemOf(sender), /ca\.crt/)
  assert.equal(sender.checks.ready['security']?.().ok, false)
  assert.equal(receiver.connections(), 0)
  writeFileSync(ca, authority.caPem)
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 10)
})

test('a new authority in the trust file means new connections, and nothing is lost', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t, { tls: serve(leaf) })
  const ca = folder.write('ca.crt', authority.caPem)
  const sender = await startTestSender(t, [receiver.port], {
    batch: { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 10 },
    tls: { enabled: true, trust: { type: 'pem', ca }, verification: 'Full' },
  })
  sender.write(0, 100)
  await eventually('all came', () => assert.equal(receiver.accepted.length, 100))
  const before = receiver.connections()
  const strangers = await stranger.leaf()
  folder.write('ca.crt', authority.caPem + stranger.caPem)
  receiver.renew(serve(strangers))
  const seen = new Set<string>()
  receiver.behave((_taken, _response, request) => {
    const { subject } = (request.socket as TLSSocket).getCertificate() as { subject: object }
    seen.add(JSON.stringify(subject))
    return 200
  })
  await eventually('new connections are made', () => {
    sender.write(100, 110)
    assert.ok(receiver.connections() > before)
  })
  assert.equal(problemOf(sender), 'undefined')
  sender.input.end()
  await sender.drained
  assert.deepEqual(missingOf(receiver.accepted, 110), [])
})

test('a hostname stands for all its addresses and is the name that is verified', async (t) => {
  const folder = testFolder(t)
  const byName = await authority.leaf({ dnsNames: ['ds.example.com'], ipAddresses: [] })
  const one = await startTestReceiver(t, { tls: serve(byName), host: '127.0.0.2' })
  const two = await startTestReceiver(t, { tls: serve(byName), host: '127.0.0.3', port: one.port })
  const sender = await startTestSender(
    t,
    [],
    {
      hosts: { list: [{ host: 'ds.example.com', port: one.port }] },
      batch: { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 10 },
      tls: {
        enabled: true,
        trust: { type: 'pem', ca: folder.write('ca.crt', authority.caPem) },
        verification: 'Full',
      },
    },
    { lookup: () => Promise.resolve(['127.0.0.2', '127.0.0.3']) },
  )
  sender.write(0, 100)
  sender.input.end()
  await sender.drained
  assert.equal(one.accepted.length + two.accepted.length, 100)
  assert.ok(one.accepted.length >= 40 && two.accepted.length >= 40)
  assert.equal(one.requests[0]?.headers.host, `ds.example.com:${one.port}`)
})
