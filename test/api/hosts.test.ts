import assert from 'node:assert/strict'
import { isIPv4, isIPv6 } from 'node:net'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { formatHost, hostFault, parseHost } from '../../src/api/hosts.ts'
import { host as hostPattern, ipAddress } from '../../src/api/patterns.ts'
import { LogstashLinkError } from '../../src/errors.ts'

const accepted: [text: string, canonical: string][] = [
  ['ds.example.com', 'ds.example.com:9800'],
  ['DS.Example.COM:1', 'ds.example.com:1'],
  ['localhost', 'localhost:9800'],
  ['a', 'a:9800'],
  ['10.0.0.123', '10.0.0.123:9800'],
  ['10.0.0.125:9801', '10.0.0.125:9801'],
  ['[::1]', '[::1]:9800'],
  ['[::]:65535', '[::]:65535'],
  ['[2001:DB8:0:0::7334]:9804', '[2001:db8::7334]:9804'],
  ['[1:2:3:4:5:6:7::]', '[1:2:3:4:5:6:7:0]:9800'],
  ['1-2', '1-2:9800'],
  ['4a.9b', '4a.9b:9800'],
  [`${'a'.repeat(63)}.b`, `${'a'.repeat(63)}.b:9800`],
]

const refused: [text: string, why: RegExp][] = [
  ['', /empty/],
  [' a', /space/],
  ['a\n', /space/],
  ['https://a', /scheme/],
  ['a/b', /path/],
  ['user@a', /user/],
  ['a:0', /port/],
  ['a:', /port/],
  ['a:65536', /port/],
  ['a:09800', /port/],
  ['a:+1', /port/],
  ['a:http', /port/],
  [':9800', /host before the port/],
  ['::1', /brackets/],
  ['2001:db8::1:9800', /brackets/],
  ['[::1', /closing bracket/],
  ['[]', /IPv6/],
  ['[::1]9800', /bracket/],
  ['[::1]x:9800', /bracket/],
  ['[fe80::1%eth0]', /zone/],
  ['[1::2::3]', /IPv6/],
  ['[::ffff:10.0.0.1]', /IPv4/],
  ['300.1.1.1', /IPv4/],
  ['10.0.0', /IPv4/],
  ['9800', /IPv4/],
  ['10.0.0.01', /IPv4/],
  ['a..b', /dots/],
  ['.a', /dots/],
  ['a.', /final dot/],
  ['-a.b', /`-a`/],
  ['a_b', /`a_b`/],
  ['ü.de', /`ü`/],
  [`${'a'.repeat(64)}.b`, /DNS label/],
  [`a.${'1'.repeat(40)}a${'b'.repeat(30)}`, /DNS label/],
  [`${'a.'.repeat(126)}bb`, /253/],
]

/** Texts that are nearly hosts: pieces of hosts put together at random. */
const nearlyHosts = fc
  .array(
    fc.oneof(
      fc.constantFrom('[', ']', ':', '::', '.', '-', '%', '/', '0', '9800', '65536', '1.2.3.4'),
      fc.stringMatching(/^[a-zA-Z0-9-]{1,5}$/),
      fc.ipV4(),
      fc.ipV6(),
      fc.domain(),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))

const anyText = fc.oneof(nearlyHosts, fc.string({ unit: 'binary' }))

describe('hosts', () => {
  for (const [text, canonical] of accepted)
    it(`${text.slice(0, 40)} is read as ${canonical.slice(0, 40)}`, () => {
      assert.equal(formatHost(parseHost(text, 'hosts')), canonical)
    })

  for (const [text, why] of refused)
    it(`${JSON.stringify(text.slice(0, 40))} is refused with the reason`, () => {
      assert.match(hostFault(text) ?? '', why)
      assert.throws(() => parseHost(text, 'spec.receiver.hosts[0]'), {
        code: 'LSL_HOST_INVALID',
        message: /`spec\.receiver\.hosts\[0\]`/,
      })
    })

  it('whatever the text, it is read or refused by the one error, and reading the canonical form changes nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          const read = parseHost(text, '--hosts')
          assert.deepEqual(parseHost(formatHost(read), '--hosts'), read)
        } catch (error) {
          assert.ok(error instanceof LogstashLinkError)
          assert.equal(error.code, 'LSL_HOST_INVALID')
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('the pattern that the API server applies takes exactly what the parser takes', () => {
    const pattern = new RegExp(hostPattern.pattern)
    for (const [text] of [...accepted, ...refused])
      assert.equal(matches(text), hostFault(text) === undefined, text)
    fc.assert(
      fc.property(anyText, (text) =>
        assert.equal(matches(text), hostFault(text) === undefined, text),
      ),
      { numRuns: 5000 },
    )
    function matches(text: string) {
      const { maxLength, forbidden } = hostPattern
      return text.length <= maxLength && pattern.test(text) && !new RegExp(forbidden).test(text)
    }
  })

  it('the pattern of addresses takes exactly what is IPv4, or IPv6 without zone and embedded IPv4', () => {
    const pattern = new RegExp(ipAddress.pattern)
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearlyHosts), (text) =>
        assert.equal(
          pattern.test(text),
          isIPv4(text) || (isIPv6(text) && !/[.%]/.test(text)),
          text,
        ),
      ),
      { numRuns: 5000 },
    )
  })
})
