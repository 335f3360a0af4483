import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseLink } from '../../src/api/validate.ts'
import { badSamples, goodSamples } from '../support/samples.ts'

describe('a link', () => {
  for (const { name, link } of [...goodSamples(), ...badSamples('not-accepted')])
    it(`is taken at write: ${name}`, () => {
      assert.deepEqual(parseLink(link).problems ?? [], [])
    })

  for (const { name, link, field, messages } of badSamples('refused-at-write'))
    it(`is refused with the field and what to do: ${name}`, () => {
      const { problems = [] } = parseLink(link)
      assert.deepEqual(
        problems.map((problem) => problem.path),
        [field],
        JSON.stringify(problems),
      )
      for (const fragment of messages) assert.ok(problems[0]?.message.includes(fragment))
      assert.ok(problems[0]?.message.includes(`\`${field}\``))
    })

  it('gets its defaults, those of objects that were not given included', () => {
    const [sample] = goodSamples().filter(({ name }) => name === 'smallest')
    const { spec } = parseLink(sample?.link).link ?? {}
    assert.deepEqual(spec, {
      receiver: {
        selector: { matchLabels: { app: 'counter' } },
        port: 9800,
        deliver: { http: { port: 8080, path: '/in' } },
        deadLetter: { maxSize: '16Mi' },
        sidecar: { resources: {}, logLevel: 'Info' },
      },
      sender: {
        selector: { matchLabels: { app: 'shop-front' } },
        collect: { http: { port: 9801 } },
        decorate: 'None',
        batch: { maxEvents: 1000, maxBytes: '1Mi', maxWait: '50ms' },
        queue: { type: 'Memory', maxSize: '64Mi', onFull: 'Block' },
        deadLetter: { maxSize: '16Mi' },
        sidecar: { resources: {}, logLevel: 'Info' },
      },
      balancing: { coolOff: '60s', preferSameZone: false },
      tls: {
        enabled: true,
        issuerRef: { name: 'team-ca', kind: 'Issuer', group: 'cert-manager.io' },
        clientAuthentication: 'None',
        verificationMode: 'Full',
        serverName: '',
        duration: '2160h',
        renewBefore: '720h',
        serviceNames: true,
        dnsNames: [],
        ipAddresses: [],
        includePodIPs: false,
      },
      rollout: 'OnRestart',
      suspend: false,
    })
  })

  it('is told what is wrong with a host, beyond that it is none', () => {
    const [sample] = badSamples().filter(({ name }) => name === 'host-with-scheme')
    const [problem] = parseLink(sample?.link).problems ?? []
    assert.equal(
      problem?.message,
      'Expected `spec.receiver.hosts[0]` to be host, host:port, IPv4 or [IPv6]:port, got "https://logs.example.org": leave out the scheme, TLS is a setting of its own',
    )
  })

  it('keeps metadata as it is, and is not changed by being read twice', () => {
    for (const { link } of goodSamples()) {
      const labelled = { ...link, metadata: { ...link.metadata, labels: { a: 'b' }, uid: 'u' } }
      const { link: once } = parseLink(labelled)
      assert.deepEqual(once?.metadata, labelled.metadata)
      assert.deepEqual(parseLink(once).link, once)
    }
  })

  it('is told of all its problems at once, of structure and of rules', () => {
    const { problems } = parseLink({
      apiVersion: 'logstashlink.io/v1alpha1',
      kind: 'LogstashLink',
      metadata: { name: 'x' },
      spec: {
        receiver: { selector: {}, hosts: ['a b'], port: 70_000, prot: 1 },
        sender: { collect: {}, selector: { matchLabels: { app: 7 } } },
        tls: { enabled: 'no' },
      },
    })
    assert.deepEqual(
      problems?.map((problem) => problem.path),
      [
        'spec.receiver.prot',
        'spec.receiver.hosts[0]',
        'spec.receiver.port',
        'spec.sender.selector.matchLabels[app]',
        'spec.tls.enabled',
        'spec.receiver',
        'spec.receiver.deliver',
        'spec.receiver.selector',
        'spec.sender.collect',
      ],
    )
  })

  it('may be anything at all: it is read or refused, nothing is thrown', () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: false })
    const [good] = goodSamples()
    fc.assert(
      fc.property(anything, anything, anything, (whole, spec, tls) => {
        for (const input of [whole, { ...good?.link, spec }, { ...good?.link, spec: { tls } }])
          assert.ok((parseLink(input).problems ?? []).length > 0)
      }),
    )
  })

  it('with one field replaced by anything is read or refused, nothing is thrown', () => {
    const links = goodSamples().map(({ link }) => link)
    fc.assert(
      fc.property(
        fc.constantFrom(...links),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
        fc.anything(),
        (link, way, value) => {
          assert.doesNotThrow(() => parseLink(replaced(link, way, value)))
        },
      ),
      { numRuns: 3000 },
    )
  })
})

/** A copy in which what stands at the end of the way, or as far as it leads, is replaced. */
function replaced(object: unknown, [step = 0, ...way]: number[], value: unknown): unknown {
  if (typeof object !== 'object' || object === null) return value
  const entries = Object.entries(object)
  const at = entries.length === 0 ? -1 : step % entries.length
  const changed = entries.map(([key, inner], index) => [
    key,
    index !== at ? inner : way.length === 0 ? value : replaced(inner, way, value),
  ])
  return Array.isArray(object) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed)
}
