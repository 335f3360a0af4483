import assert from 'node:assert/strict'
import test from 'node:test'
import type { HostsFile } from '../../../src/api/sidecar-config.ts'
import { testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestReceiver } from '../../support/receivers.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

const small = { maxEvents: 10, maxBytes: 2 ** 20, maxWait: 10 }

function hostsJson(ports: readonly number[], more: Partial<HostsFile> = {}): string {
  const hosts = ports.map((port) => ({ host: '127.0.0.1', port }))
  return JSON.stringify({ revision: ports.join(), hosts, ...more })
}

function knownHosts(sender: { status(): object }): string[] {
  return (sender.status() as { hosts: { host: string }[] }).hosts.map(({ host }) => host)
}

test('hosts.json is read again when it changes, in the middle of the flow', async (t) => {
  const folder = testFolder(t)
  const [one, two] = [await startTestReceiver(t), await startTestReceiver(t)]
  const file = folder.write('hosts.json', hostsJson([one.port]))
  const sender = await startTestSender(t, [], { hosts: { file }, batch: small })
  let written = 0
  const more = (): void => {
    sender.write(written, written + 10)
    written += 10
  }
  more()
  await eventually('the first takes events', () => assert.ok(one.accepted.length > 0))
  folder.write('hosts.json', hostsJson([two.port]))
  await eventually('the second takes events', () => {
    more()
    assert.ok(two.accepted.length > 0)
  })
  await eventually('the first is gone', () =>
    assert.deepEqual(knownHosts(sender), [`127.0.0.1:${two.port}`]),
  )
  const count = one.accepted.length
  more()
  sender.input.end()
  await sender.drained
  assert.equal(one.accepted.length, count)
  assert.deepEqual(missingOf([...one.accepted, ...two.accepted], written), [])
})

for (const [what, content] of [
  ['an empty list', JSON.stringify({ revision: 'x', hosts: [] })],
  ['a broken file', '{"hosts": ['],
  ['a file without revision', JSON.stringify({ hosts: [] })],
  ['a host without port', JSON.stringify({ revision: 'x', hosts: [{ host: 'a' }] })],
] as const) {
  test(`${what} keeps the hosts that were known last`, async (t) => {
    const folder = testFolder(t)
    const receiver = await startTestReceiver(t)
    const file = folder.write('hosts.json', hostsJson([receiver.port]))
    const sender = await startTestSender(t, [], { hosts: { file }, batch: small })
    folder.write('hosts.json', content)
    await eventually('it is noticed', () => {
      assert.ok((sender.status() as { problem?: string }).problem)
    })
    assert.deepEqual(knownHosts(sender), [`127.0.0.1:${receiver.port}`])
    sender.write(0, 10)
    sender.input.end()
    await sender.drained
    assert.equal(receiver.accepted.length, 10)
  })
}

test('hosts.json may come later than the sender', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(t, [], { hosts: { file: folder.path('hosts.json') } })
  sender.write(0, 10)
  assert.match(String((sender.status() as { problem?: string }).problem), /hosts\.json/)
  folder.write('hosts.json', hostsJson([receiver.port]))
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 10)
})

test('when all known hosts fail, the fallback name is asked', async (t) => {
  const folder = testFolder(t)
  const gone = await startTestReceiver(t)
  await gone.close()
  const receiver = await startTestReceiver(t)
  const fallback = { host: 'orders-receiver.shop.svc', port: receiver.port }
  const file = folder.write('hosts.json', hostsJson([gone.port], { fallback }))
  const names: string[] = []
  const sender = await startTestSender(
    t,
    [],
    { hosts: { file } },
    {
      lookup(name) {
        names.push(name)
        return Promise.resolve(['127.0.0.1'])
      },
    },
  )
  assert.deepEqual(names, [])
  sender.write(0, 10)
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 10)
  assert.ok(names.every((name) => name === fallback.host))
})

test('a name that cannot be resolved leaves the other hosts alone', async (t) => {
  const receiver = await startTestReceiver(t)
  const sender = await startTestSender(
    t,
    [],
    {
      hosts: {
        list: [
          { host: 'nowhere.example.com', port: 9800 },
          { host: '127.0.0.1', port: receiver.port },
        ],
      },
    },
    { lookup: () => Promise.reject(new Error('ENOTFOUND')) },
  )
  sender.write(0, 10)
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 10)
  assert.match(String((sender.status() as { problem?: string }).problem), /nowhere\.example\.com/)
})

test('with preferSameZone the sender’s own zone gets the events', async (t) => {
  const folder = testFolder(t)
  const [near, far] = [await startTestReceiver(t), await startTestReceiver(t)]
  const file = folder.write(
    'hosts.json',
    JSON.stringify({
      revision: '1',
      hosts: [
        { host: '127.0.0.1', port: far.port, zone: 'there' },
        { host: '127.0.0.1', port: near.port, zone: 'here' },
      ],
      nodeZones: { 'node-1': 'here' },
    }),
  )
  const sender = await startTestSender(t, [], {
    hosts: { file },
    balancing: { coolOff: 60_000, preferSameZone: true },
    pod: { namespace: 'shop', name: 'web-1', node: 'node-1' },
  })
  sender.write(0, 100)
  sender.input.end()
  await sender.drained
  assert.equal(near.accepted.length, 100)
})

test('fields of hosts.json that a newer operator writes are left out, the hosts are taken', async (t) => {
  const folder = testFolder(t)
  const receiver = await startTestReceiver(t)
  const hosts = [{ host: '127.0.0.1', port: receiver.port, weight: 2 }]
  const file = folder.write('hosts.json', JSON.stringify({ revision: '1', hosts, more: true }))
  const sender = await startTestSender(t, [], { hosts: { file } })
  sender.write(0, 10)
  sender.input.end()
  await sender.drained
  assert.equal(receiver.accepted.length, 10)
})
