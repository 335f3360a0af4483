import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { clientTlsOptions, type ClientTls } from '../../../src/dataplane/tls/client-options.ts'
import type { Trust } from '../../../src/dataplane/tls/trust.ts'
import { signCertificate } from '../../../src/local/ca/certificate.ts'
import { makeTestAuthority, testFolder, writeIdentity } from '../../support/certificates.ts'
import { tlsServer, visit } from '../../support/tls-server.ts'

const authority = await makeTestAuthority()
const foreign = await makeTestAuthority({ commonName: 'Foreign' })
const named = await authority.leaf({ dnsNames: ['orders-receiver.shop.svc'], ipAddresses: [] })
const addressed = await authority.leaf({ dnsNames: [], ipAddresses: ['127.0.0.1'] })
const trust: Trust = { ca: [authority.caPem], fingerprint: 'a' }
const foreignTrust: Trust = { ca: [foreign.caPem], fingerprint: 'b' }
const system: Trust = { ca: undefined, fingerprint: 'system' }

const mismatch = 'ERR_TLS_CERT_ALTNAME_INVALID'
const cases: [string, typeof named, Partial<ClientTls>, string][] = [
  ['the right name', named, { name: 'orders-receiver.shop.svc' }, 'hello'],
  ['a wrong name', named, { name: 'other.shop.svc' }, mismatch],
  ['an IP and a leaf without it', named, {}, mismatch],
  ['an IP that the leaf has', addressed, {}, 'hello'],
  ['an IP as the name, which the leaf has not', addressed, { name: '127.0.0.2' }, mismatch],
  ['a name that the leaf has not, and its IP', addressed, { name: 'a.example' }, mismatch],
  ['a foreign authority', addressed, { trust: foreignTrust }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ["the system's authorities", addressed, { trust: system }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['no trust yet', addressed, { trust: undefined }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['no verification', named, { trust: undefined, verification: 'None' }, 'hello'],
  [
    'no verification, though a trust is given',
    named,
    { trust: foreignTrust, verification: 'None', name: 'other' },
    'hello',
  ],
]

for (const [title, leaf, tls, outcome] of cases) {
  test(`${title}: ${outcome}`, async (t) => {
    const { cert, key } = writeIdentity(testFolder(t), authority, leaf)
    const identity = { type: 'pem', cert, key } as const
    const server = await tlsServer(t, { identity, clientAuthentication: 'None' })
    const options = clientTlsOptions({ trust, verification: 'Full', name: '127.0.0.1', ...tls })
    assert.equal((await visit(server.port, options)).outcome, outcome)
    const agent = new https.Agent({ ...options, maxCachedSessions: 0 })
    t.after(() => agent.destroy())
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      https.get({ host: '127.0.0.1', port: server.port, agent }, resolve).on('error', reject)
    })
    if (outcome === 'hello') assert.equal(await text(await response), 'hello')
    else await assert.rejects(response, { code: outcome })
    if (outcome !== 'hello') return
    const name = tls.name === undefined || isIP(tls.name) !== 0 ? false : tls.name
    assert.deepEqual(server.asked, [name, name])
  })
}

test('a self-signed certificate is refused', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = { commonName: 'Self', publicKey, privateKey }
  const { notAfter } = foreign
  const certPem = signCertificate(
    {
      ...signer,
      notBefore: new Date(),
      notAfter,
      isAuthority: false,
      dnsNames: [],
      ipAddresses: ['127.0.0.1'],
      usages: ['server auth'],
    },
    signer,
  )
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const { cert, key } = writeIdentity(testFolder(t), foreign, { certPem, keyPem, notAfter })
  const identity = { type: 'pem', cert, key } as const
  const { port } = await tlsServer(t, { identity, clientAuthentication: 'None' })
  const options = clientTlsOptions({ trust, verification: 'Full', name: '127.0.0.1' })
  assert.equal((await visit(port, options)).outcome, 'DEPTH_ZERO_SELF_SIGNED_CERT')
})

test('an expired leaf is refused by who verifies', async (t) => {
  const { cert, key } = writeIdentity(testFolder(t), authority, await authority.leaf({ days: -1 }))
  const identity = { type: 'pem', cert, key } as const
  const { port } = await tlsServer(t, { identity, clientAuthentication: 'None' })
  const options = clientTlsOptions({ trust, verification: 'Full', name: '127.0.0.1' })
  assert.equal((await visit(port, options)).outcome, 'CERT_HAS_EXPIRED')
})
