import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import type { HostsFile, ReceiverFile, SenderFile } from '../../src/api/sidecar-config.ts'
import { defaults } from '../../src/api/sidecar-config.ts'
import { parseHostsFile, parseReceiverFile, parseSenderFile } from '../../src/api/sidecar-schema.ts'

const receiver: ReceiverFile = {
  role: 'receiver',
  link: 'shop/orders',
  tls: {
    enabled: true,
    identity: { type: 'pem', cert: 'tls.crt', key: 'tls.key', passphrase: { env: 'PASS' } },
    clientAuthentication: 'Required',
    clientTrust: { type: 'pem', ca: 'ca.crt' },
  },
  auth: { username: { file: 'username' }, password: { file: 'password' } },
  deliver: { type: 'tcp', host: '127.0.0.1', port: 5000 },
  deadLetter: { directory: '/var/lib/logstash-link', maxSize: 1024 },
  limits: defaults.receiverLimits,
  requirePodAddresses: true,
  logLevel: 'Info',
}

const sender: SenderFile = {
  role: 'sender',
  hosts: { file: 'hosts.json' },
  tls: {
    enabled: true,
    trust: { type: 'pkcs12', truststore: 't.p12', password: { env: 'STORE' } },
    verification: 'Full',
    serverName: 'orders-receiver.shop.svc',
    identity: { type: 'pkcs12', keystore: 'k.p12', password: { file: 'p' } },
  },
  auth: { username: { value: 'shop' }, password: { env: 'PASSWORD' } },
  decorate: 'Kubernetes',
  batch: defaults.batch,
  queue: { type: 'Memory', maxSize: 1, onFull: 'Block' },
  balancing: { coolOff: 0, preferSameZone: false },
  limits: defaults.senderLimits,
  logLevel: 'Debug',
}

const hosts: HostsFile = {
  revision: 'a1',
  hosts: [
    { host: '10.1.0.1', port: 9800, zone: 'a' },
    { host: '::1', port: 1 },
  ],
  serverName: 'orders-receiver.shop.svc',
  fallback: { host: 'orders-receiver.shop.svc', port: 9800 },
  nodeZones: { n1: 'a' },
}

const files: [what: string, parse: (json: unknown) => object, file: object][] = [
  ['a receiver', parseReceiverFile, receiver],
  ['a receiver without TLS', parseReceiverFile, { ...receiver, tls: { enabled: false } }],
  [
    'a receiver that asks for no client certificates',
    parseReceiverFile,
    {
      ...receiver,
      tls: { ...without(receiver.tls, 'clientTrust'), clientAuthentication: 'None' },
    },
  ],
  ['a receiver to stdout', parseReceiverFile, { ...receiver, deliver: { type: 'stdout' } }],
  [
    'a receiver to a file',
    parseReceiverFile,
    { ...receiver, deliver: { type: 'file', path: 'f', fsync: true } },
  ],
  ['a sender', parseSenderFile, sender],
  ['a sender with a list', parseSenderFile, { ...sender, hosts: { list: hosts.hosts } }],
  [
    'a sender with a queue on disk',
    parseSenderFile,
    {
      ...sender,
      queue: { ...sender.queue, type: 'Disk', directory: '/q' },
      checkpoints: { directory: '/c' },
    },
  ],
  ['hosts', parseHostsFile, hosts],
  ['no hosts', parseHostsFile, { revision: 'a2', hosts: [] }],
]

const wrong: [what: string, result: object, path: string, fragment: string][] = [
  ['no object', parseReceiverFile('text'), '', 'the whole'],
  ['another role', parseReceiverFile(sender), 'role', 'receiver'],
  ['no deliver', parseReceiverFile(without(receiver, 'deliver')), 'deliver', 'to be given'],
  [
    'an unknown way to deliver',
    parseReceiverFile({ ...receiver, deliver: { type: 'udp' } }),
    'deliver',
    '{type: http} or {type: tcp} or {type: unix} or {type: file} or {type: stdout}',
  ],
  [
    'a port out of range',
    parseReceiverFile({ ...receiver, deliver: { type: 'tcp', host: 'a', port: 0 } }),
    'deliver.port',
    'from 1 to 65535',
  ],
  [
    'TLS without identity',
    parseReceiverFile({ ...receiver, tls: { enabled: true, clientAuthentication: 'None' } }),
    'tls.identity',
    'to be given',
  ],
  ...(['Optional', 'Required'] as const).map((clientAuthentication): (typeof wrong)[number] => [
    `client authentication ${clientAuthentication} without trust`,
    parseReceiverFile({
      ...receiver,
      tls: { ...without(receiver.tls, 'clientTrust'), clientAuthentication },
    }),
    'tls.clientTrust',
    'Expected `tls.clientTrust` to be given, as `tls.clientAuthentication` is not None, got nothing',
  ]),
  [
    'identity beside disabled TLS',
    parseSenderFile({ ...sender, tls: { ...sender.tls, enabled: false } }),
    'tls.trust',
    'one of the fields enabled',
  ],
  [
    'a secret from two places',
    parseSenderFile({
      ...sender,
      auth: { username: { value: 'a' }, password: { file: 'a', env: 'b' } },
    }),
    'auth.password',
    '{file} or {env}',
  ],
  [
    'a queue on disk without a folder',
    parseSenderFile({ ...sender, queue: { ...sender.queue, type: 'Disk' } }),
    'queue.directory',
    'Expected `queue.directory` to be given, as `queue.type` is Disk, got nothing',
  ],
  [
    'a queue in memory with a folder',
    parseSenderFile({ ...sender, queue: { ...sender.queue, directory: '/q' } }),
    'queue.directory',
    'to be left out, as `queue.type` is Memory, got /q',
  ],
  [
    'a host without port',
    parseHostsFile({ revision: 'a', hosts: [{ host: 'a' }] }),
    'hosts[0].port',
    'to be given',
  ],
  ['no revision', parseHostsFile({ hosts: [] }), 'revision', 'to be given'],
]

describe("the sidecar's files", () => {
  for (const [what, parse, file] of files)
    it(`${what}: read as written`, () => assert.deepEqual(parse(file), { value: file }))

  for (const [what, result, path, fragment] of wrong)
    it(`${what}: refused with the path`, () => {
      const { problems = [] } = result as { problems?: { path: string; message: string }[] }
      const found = problems.find((problem) => problem.path === path)
      assert.ok(found?.message.includes(fragment), JSON.stringify(result))
    })

  it('anything else is refused and nothing is thrown', () => {
    const json = fc.oneof(
      fc.jsonValue(),
      fc.jsonValue().map((tls) => ({ ...sender, tls })),
      fc.jsonValue().map((deliver) => ({ ...receiver, deliver })),
    )
    fc.assert(
      fc.property(json, (value) => {
        for (const parse of [parseReceiverFile, parseSenderFile, parseHostsFile])
          assert.ok('problems' in parse(value))
      }),
    )
  })
})

function without(object: object, key: string): object {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}
