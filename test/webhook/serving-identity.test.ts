import assert from 'node:assert/strict'
import test from 'node:test'
import { configurationKind, entryName } from '../../src/webhook/entry.ts'
import { propagationMs } from '../../src/webhook/propagation.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import {
  configurationName,
  openWorld,
  ownNamespace,
  secretName,
  tlsSecret,
  type World,
} from './world.ts'

const dayMs = 24 * 60 * 60_000

/** As the leader writes it. */
async function trust(world: World, ...pems: string[]): Promise<void> {
  const caBundle = Buffer.from(pems.join('\n')).toString('base64')
  await world.cluster.apply({
    ...configurationKind,
    metadata: { name: configurationName },
    webhooks: [{ name: entryName, clientConfig: { caBundle } }],
  })
  await world.pass(0)
}

function readiness({ identity }: World) {
  return identity.checks.ready['webhook certificate']?.()
}

test('without its Secret the webhook is not ready and says which one it waits for', async (t) => {
  const world = openWorld(t)
  await world.identity.loaded
  assert.equal(world.identity.current, undefined)
  const { ok, message } = readiness(world) ?? {}
  assert.equal(ok, false)
  assert.match(message ?? '', new RegExp(`Secret ${ownNamespace}/${secretName} is not there`))
})

test('the first certificate is served at once: nothing was served before', async (t) => {
  const world = openWorld(t)
  const leaf = await world.issue(await makeTestAuthority())
  assert.equal(world.identity.current?.cert, leaf)
  assert.equal(readiness(world)?.ok, true)
})

test('a renewed certificate of a trusted CA is served after API servers may know caBundle', async (t) => {
  const world = openWorld(t)
  const authority = await makeTestAuthority()
  const first = await world.issue(authority)
  await trust(world, authority.caPem)
  const second = await world.issue(authority)
  assert.equal(world.identity.current?.cert, first)
  await world.pass(propagationMs)
  assert.equal(world.identity.current?.cert, second)
})

test('a certificate of a new CA waits until caBundle trusts it', async (t) => {
  const world = openWorld(t)
  const [old, young] = [await makeTestAuthority(), await makeTestAuthority({ commonName: 'New' })]
  const first = await world.issue(old)
  await trust(world, old.caPem)
  const second = await world.issue(young)
  await world.pass(60_000)
  assert.equal(world.identity.current?.cert, first)
  assert.equal(world.identity.next?.cert, second)

  await trust(world, old.caPem, young.caPem)
  assert.equal(world.identity.current?.cert, first, 'API servers may not know the new caBundle yet')
  await world.pass(propagationMs)
  assert.equal(world.identity.current?.cert, second)
  assert.equal(world.identity.next, undefined)
})

test('a certificate that is not trusted is taken up all the same before the old one ends', async (t) => {
  const world = openWorld(t)
  const [old, young] = [await makeTestAuthority(), await makeTestAuthority({ commonName: 'New' })]
  const first = await world.issue(old, { days: 2 })
  await trust(world, old.caPem)
  const second = await world.issue(young)
  await world.pass(dayMs)
  assert.equal(world.identity.current?.cert, first)
  for (let hour = 0; hour < 24; hour += 1) await world.pass(dayMs / 24)
  assert.equal(world.identity.current?.cert, second)
})

test('a deleted Secret leaves what is served, and readiness tells of it', async (t) => {
  const world = openWorld(t)
  const first = await world.issue(await makeTestAuthority())
  await world.cluster.delete({
    apiVersion: 'v1',
    kind: 'Secret',
    namespace: ownNamespace,
    name: secretName,
  })
  await world.pass(0)
  assert.equal(world.identity.current?.cert, first)
  const { ok, message } = readiness(world) ?? {}
  assert.equal(ok, true)
  assert.match(message ?? '', /is not there/)
})

test('a certificate that has ended makes the replica not ready', async (t) => {
  const world = openWorld(t)
  await world.issue(await makeTestAuthority(), { days: 1 })
  await world.pass(2 * dayMs)
  const { ok, message } = readiness(world) ?? {}
  assert.equal(ok, false)
  assert.match(message ?? '', /ended at/)
})

test('a replica whose certificate caBundle does not trust is not ready: another one may be', async (t) => {
  const world = openWorld(t)
  await world.issue(await makeTestAuthority())
  await trust(world, (await makeTestAuthority({ commonName: 'Other' })).caPem)
  assert.equal(readiness(world)?.ok, false)
})

const spoilt: [string, (data: Record<string, string>) => Record<string, string>, RegExp][] = [
  ['no certificate', (data) => ({ ...data, 'tls.crt': '' }), /a certificate in tls\.crt, got none/],
  ['no key', (data) => ({ ...data, 'tls.key': '' }), /a certificate and a key that TLS can use/],
  [
    'text in place of a certificate',
    (data) => ({ ...data, 'tls.crt': Buffer.from('hello').toString('base64') }),
    /a certificate in tls\.crt/,
  ],
]
for (const [what, spoil, expected] of spoilt) {
  test(`a Secret with ${what} is not taken, and the one before stays`, async (t) => {
    const world = openWorld(t)
    const first = await world.issue(await makeTestAuthority())
    const key = { apiVersion: 'v1', kind: 'Secret', namespace: ownNamespace, name: secretName }
    const secret = await world.cluster.get(key)
    const data = spoil(secret?.['data'] as Record<string, string>)
    await world.cluster.delete(key)
    await world.cluster.as('someone').create({
      ...key,
      metadata: { namespace: ownNamespace, name: secretName },
      data,
    })
    await world.pass(0)
    assert.equal(world.identity.current?.cert, first)
    assert.match(readiness(world)?.message ?? '', expected)
    assert.equal(
      world.lines.filter(({ level, msg }) => level === 'warn' && expected.test(msg)).length,
      1,
    )
  })
}

test('the key of another certificate is not taken', async (t) => {
  const world = openWorld(t)
  const authority = await makeTestAuthority()
  const [first, second] = [await authority.leaf(), await authority.leaf()]
  await world.cluster.apply(tlsSecret({ certPem: first.certPem, keyPem: second.keyPem }))
  await world.pass(0)
  assert.equal(world.identity.current, undefined)
  assert.match(readiness(world)?.message ?? '', /the key of its certificate/)
})

test('where the issuer names no CA, the topmost certificate of the chain stands for it', async (t) => {
  const world = openWorld(t)
  const root = await makeTestAuthority()
  const middle = await makeTestAuthority({ commonName: 'Middle', parent: root })
  const { certPem, keyPem } = await middle.leaf()
  await world.cluster.apply(tlsSecret({ certPem: certPem + middle.caPem, keyPem }))
  await world.pass(0)
  assert.match(world.identity.current?.authority.subject ?? '', /Middle/)
})
