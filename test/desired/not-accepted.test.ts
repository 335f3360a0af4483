import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { HostsFile } from '../../src/api/sidecar-config.ts'
import { desiredObjects } from '../../src/desired/desired-objects.ts'
import { whileNotAccepted } from '../../src/desired/not-accepted.ts'
import { linkOf, observedOf, operatorOptions } from '../support/links.ts'

function hostsOf(service: string, host: string, port = 9800): HostsFile {
  const name = `${service}.shop.svc`
  const fallback = { host: name, port }
  return { revision: host, hosts: [{ host, port }], serverName: name, fallback }
}

const own = hostsOf('orders-receiver', '10.1.0.12')
const elsewhere = { serviceRef: { name: 'logstash', port: 9800 } }

function standing(link: LogstashLink, hosts: HostsFile): KubeObject[] {
  return desiredObjects({
    observed: observedOf(link),
    hosts,
    trustBundle: 'old',
    options: operatorOptions,
    newPassword: 'secret',
  })
}

/** Hosts and authorities of senders, and how many objects are not as they were. */
function after(
  was: LogstashLink,
  now: LogstashLink,
  [before, found]: [HostsFile, HostsFile | undefined],
) {
  const objects = standing(was, before)
  const kept = whileNotAccepted(observedOf(now, { objects }), {
    trustBundle: 'new',
    ...(found === undefined ? {} : { hosts: found }),
  })
  assert.equal(kept.length, objects.length)
  const map = kept.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'orders-sender',
  )
  const data = map?.['data'] as Record<string, string>
  const { hosts, fallback } = JSON.parse(data['hosts.json'] ?? '') as HostsFile
  const changed = kept.filter((object) => !objects.includes(object)).length
  return { host: hosts[0]?.host, port: fallback?.port, trust: data['ca.crt'], changed }
}

const trust = { trust: { secretRef: { name: 'ds-ca' } } }
const external = linkOf({ receiver: elsewhere, tls: trust })
const unbuilt = { rollout: 'Automatic' }
const cases: [string, ReturnType<typeof after>, ReturnType<typeof after>][] = [
  [
    'hosts of the Service that is followed, and new authorities',
    after(linkOf(), linkOf(unbuilt), [own, hostsOf('orders-receiver', '10.1.0.13')]),
    { host: '10.1.0.13', port: 9800, trust: 'new', changed: 2 },
  ],
  [
    'the same, with the port that stands, where the spec asks for another',
    after(linkOf(), linkOf(unbuilt), [own, hostsOf('orders-receiver', '10.1.0.13', 9900)]),
    { host: '10.1.0.13', port: 9800, trust: 'new', changed: 2 },
  ],
  [
    'no hosts or authorities of a Service that the spec turns to',
    after(linkOf(), linkOf({ ...unbuilt, receiver: elsewhere, tls: trust }), [
      own,
      hostsOf('logstash', '10.9.9.9'),
    ]),
    { host: '10.1.0.12', port: 9800, trust: 'old', changed: 0 },
  ],
  [
    'no hosts of another port of the same foreign Service',
    after(external, linkOf({ ...unbuilt, receiver: elsewhere, tls: trust }), [
      hostsOf('logstash', '10.1.0.12'),
      hostsOf('logstash', '10.1.0.12', 9900),
    ]),
    { host: '10.1.0.12', port: 9800, trust: 'new', changed: 1 },
  ],
  [
    'no hosts that the spec lists itself',
    after(linkOf(), linkOf({ ...unbuilt, receiver: { hosts: ['a.example'] }, tls: {} }), [
      own,
      undefined,
    ]),
    { host: '10.1.0.12', port: 9800, trust: 'old', changed: 0 },
  ],
]
for (const [title, found, expected] of cases) {
  test(`while a spec is not accepted senders get ${title}`, () => assert.deepEqual(found, expected))
}
