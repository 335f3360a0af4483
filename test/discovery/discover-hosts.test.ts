import assert from 'node:assert/strict'
import test from 'node:test'
import { receiverPortName } from '../../src/api/names.ts'
import type { EndpointSlice } from '../../src/api/observed.ts'
import { discoverHosts } from '../../src/discovery/discover-hosts.ts'
import { linkOf, observedOf } from '../support/links.ts'

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number]

const ours = { name: receiverPortName('orders'), port: 9800, protocol: 'TCP' }

function slice(endpoints: Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'orders-receiver-x', namespace: 'shop' },
    addressType: 'IPv4',
    endpoints,
    ports: [ours],
    ...more,
  }
}

function endpoint(address: string, more: Partial<Endpoint> = {}): Endpoint {
  return { addresses: [address], conditions: { ready: true }, ...more }
}

function hostsIn(slices: EndpointSlice[], nodeZones: Record<string, string> = {}): string[] {
  const { file } = discoverHosts(observedOf(linkOf(), { slices, nodeZones }))
  return file.hosts.map(({ host, port, zone }) => [host, port, zone].filter(Boolean).join(' '))
}

const a = { targetRef: { kind: 'Pod', name: 'a', uid: 'a' } }
const cases: [string, EndpointSlice[], string[]][] = [
  ['no slice', [], []],
  ['a slice without endpoints', [{ ...slice([]), endpoints: undefined as never }], []],
  [
    'several slices, sorted',
    [slice([endpoint('10.0.0.3'), endpoint('10.0.0.1')]), slice([endpoint('10.0.0.2')])],
    ['10.0.0.1 9800', '10.0.0.2 9800', '10.0.0.3 9800'],
  ],
  [
    'an endpoint that stands in two slices',
    [slice([endpoint('10.0.0.1')]), slice([endpoint('10.0.0.1', { zone: 'a' })])],
    ['10.0.0.1 9800 a'],
  ],
  [
    'a slice of pods from before a change of the port',
    [
      slice([endpoint('10.0.0.1')]),
      slice([endpoint('10.0.0.2')], { ports: [{ ...ours, port: 9700 }] }),
    ],
    ['10.0.0.1 9800', '10.0.0.2 9700'],
  ],
  [
    'a port of another name',
    [slice([endpoint('10.0.0.1')], { ports: [{ name: 'http', port: 9800 }] })],
    [],
  ],
  ['a UDP port', [slice([endpoint('10.0.0.1')], { ports: [{ ...ours, protocol: 'UDP' }] })], []],
  [
    'an endpoint that is not ready',
    [slice([endpoint('1.1.1.1', { conditions: { ready: false } })])],
    [],
  ],
  ['an endpoint that says nothing', [slice([{ addresses: ['10.0.0.1'] }])], ['10.0.0.1 9800']],
  [
    'an endpoint that serves while it terminates',
    [
      slice([
        endpoint('10.0.0.1', { conditions: { ready: false, serving: true, terminating: true } }),
        endpoint('10.0.0.2', { conditions: { ready: true, serving: true, terminating: true } }),
      ]),
    ],
    [],
  ],
  [
    'a pod of both families',
    [
      slice([endpoint('fd00::1', a)], { addressType: 'IPv6' }),
      slice([endpoint('10.0.0.1', a)]),
      slice([endpoint('fd00::2', { targetRef: { uid: 'b' } })], { addressType: 'IPv6' }),
    ],
    ['10.0.0.1 9800', 'fd00::2 9800'],
  ],
  [
    'a pod whose IPv4 endpoint is not ready',
    [
      slice([endpoint('10.0.0.1', { ...a, conditions: { ready: false } })]),
      slice([endpoint('fd00::1', a)], { addressType: 'IPv6' }),
    ],
    ['fd00::1 9800'],
  ],
  [
    'endpoints of both families that belong to no pod',
    [slice([endpoint('10.0.0.1')]), slice([endpoint('fd00::1')], { addressType: 'IPv6' })],
    ['10.0.0.1 9800', 'fd00::1 9800'],
  ],
]
for (const [title, slices, hosts] of cases) {
  test(`hosts of ${title}`, () => assert.deepEqual(hostsIn(slices), hosts))
}

test('the zone is the endpoint’s, else its node’s', () => {
  const slices = [
    slice([
      endpoint('10.0.0.1', { zone: 'a', nodeName: 'n' }),
      endpoint('10.0.0.2', { nodeName: 'n' }),
      endpoint('10.0.0.3', { nodeName: 'unknown' }),
    ]),
  ]
  assert.deepEqual(hostsIn(slices, { n: 'b' }), [
    '10.0.0.1 9800 a',
    '10.0.0.2 9800 b',
    '10.0.0.3 9800',
  ])
})

test('without a ready endpoint the list is empty and a sentence says that senders keep theirs', () => {
  const waiting = endpoint('10.0.0.1', { conditions: { ready: false } })
  const { file, problem, reason } = discoverHosts(
    observedOf(linkOf(), { slices: [slice([waiting])] }),
  )
  assert.deepEqual(file.hosts, [])
  assert.equal(reason, 'NoReadyEndpoints')
  assert.equal(
    problem,
    'Service orders-receiver has no ready endpoint for port 9800, of 1 that it has; senders keep the hosts that they know.',
  )
})

function revision(...slices: EndpointSlice[]): string {
  return discoverHosts(observedOf(linkOf(), { slices })).file.revision
}

test('the revision changes with the content and with nothing else', () => {
  const [one, two] = [endpoint('10.0.0.1'), endpoint('10.0.0.2')]
  assert.equal(revision(slice([one, two])), revision(slice([two]), slice([one])))
  assert.notEqual(revision(slice([one])), revision(slice([two])))
  assert.notEqual(revision(), revision(slice([two])))
})

test('hosts of a list are parsed, sorted and told once; each stands for itself', () => {
  const hosts = ['ds.example.com', '[::1]:9803', '10.0.0.123:9800', '10.0.0.123']
  const link = linkOf({ receiver: { hosts }, tls: {} })
  const { file, problem } = discoverHosts(observedOf(link))
  assert.deepEqual(file.hosts, [
    { host: '10.0.0.123', port: 9800 },
    { host: '::1', port: 9803 },
    { host: 'ds.example.com', port: 9800 },
  ])
  assert.deepEqual([file.serverName, file.fallback, problem], [undefined, undefined, undefined])
})

const serviceLink = linkOf({ receiver: { serviceRef: { name: 'logstash', port: 443 } }, tls: {} })
const ports: [
  string,
  { name?: string; port: number }[] | undefined,
  EndpointSlice['ports'],
  string[],
][] = [
  [
    'by the name of the Service’s port',
    [
      { name: 'web', port: 80 },
      { name: 'in', port: 443 },
    ],
    [
      { name: 'web', port: 443 },
      { name: 'in', port: 9800 },
    ],
    ['10.0.0.1:9800'],
  ],
  ['by the one port without a name', [{ port: 443 }], [{ port: 9800 }], ['10.0.0.1:9800']],
  ['of a slice that says ""', [{ port: 443 }], [{ name: '', port: 9800 }], ['10.0.0.1:9800']],
  ['of a slice for every port', [{ port: 443 }], [{ name: '' }], ['10.0.0.1:443']],
  [
    'by number where the Service’s ports are unknown',
    undefined,
    [{ port: 1 }, { port: 443 }],
    ['10.0.0.1:443'],
  ],
  ['by being the only one', undefined, [{ name: 'x', port: 9800 }], ['10.0.0.1:9800']],
  ['that nobody can tell', undefined, [{ port: 1 }, { port: 2 }], []],
]
for (const [title, servicePorts, slicePorts, hosts] of ports) {
  test(`the port of a Service that is not ours is found ${title}`, () => {
    const slices = [slice([endpoint('10.0.0.1')], { ports: slicePorts as never })]
    const observed = observedOf(serviceLink, {
      slices,
      serviceExists: true,
      ...(servicePorts === undefined ? {} : { servicePorts }),
    })
    const { file } = discoverHosts(observed)
    assert.deepEqual(
      file.hosts.map(({ host, port }) => `${host}:${port}`),
      hosts,
    )
    assert.equal(file.serverName, 'logstash.shop.svc')
    assert.deepEqual(file.fallback, { host: 'logstash.shop.svc', port: 443 })
  })
}

test('a Service that does not exist is told by the field that names it', () => {
  const { problem, reason } = discoverHosts(observedOf(serviceLink))
  assert.equal(reason, 'ServiceNotFound')
  assert.match(problem ?? '', /Service logstash, named by `spec\.receiver\.serviceRef\.name`/)
})

const names: [string, object, string][] = [
  ['the Service’s', {}, 'orders-receiver.shop.svc'],
  ['the link’s', { serverName: 'logs.example.com' }, 'logs.example.com'],
]
for (const [title, tls, name] of names) {
  test(`the name that senders verify is ${title}`, () => {
    const link = linkOf({ tls: { issuerRef: { name: 'ca' }, ...tls } })
    assert.equal(discoverHosts(observedOf(link)).file.serverName, name)
  })
}

test('without TLS there is no name to verify', () => {
  const { file } = discoverHosts(observedOf(linkOf({ tls: { enabled: false } })))
  assert.equal(file.serverName, undefined)
})
