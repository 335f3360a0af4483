import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { createBodyReader } from '../../../src/dataplane/wire/body.ts'
import { readContentType } from '../../../src/dataplane/wire/content-type.ts'
import { joinEvents, lines, type Events } from '../../../src/dataplane/wire/events.ts'
import { LogstashLinkError } from '../../../src/errors.ts'

const time = new Date('2026-01-02T03:04:05.678Z')

function read(chunks: Buffer[], contentType?: string, maxLine = 1 << 20) {
  const reader = createBodyReader(readContentType(contentType), {
    maxLine,
    tagMalformed: true,
    now: () => time,
  })
  const events: Events[] = []
  const oversized: number[] = []
  for (const chunk of [...chunks, undefined]) {
    const output = chunk === undefined ? reader.finish() : reader.push(chunk)
    events.push(...output.events)
    oversized.push(...output.oversized.map((line) => line.length))
  }
  const joined = joinEvents(events)
  const found = [...lines(joined)].map((line) => line.toString('utf8'))
  assert.equal(found.length, joined.count)
  return { found, oversized }
}

/** A wrapped line is shown as its message behind a marker. */
function shown(line: string): string {
  const event = JSON.parse(line)
  return event.tags?.[0] === '_jsonparsefailure' ? `wrapped:${event.message}` : line
}

const json = 'application/json'
const ndjson = 'application/x-ndjson'

describe('reading a body', () => {
  const cases: [title: string, type: string | undefined, body: string, events: string[]][] = [
    [
      'an array gives its elements',
      json,
      '[{"a":1},{"b":[2,{"c":3}]}]',
      ['{"a":1}', '{"b":[2,{"c":3}]}'],
    ],
    ['an array needs no content type', undefined, ' [ {"a":1} ]\n', ['{"a":1}']],
    ['curl sends arrays as a form', 'application/x-www-form-urlencoded', '[{"a":1}]', ['{"a":1}']],
    ['an empty array has no events', json, ' [ ] ', []],
    ['an empty body has no events', json, '', []],
    ['blanks alone are no events', json, ' \n ', []],
    ['newlines outside strings become spaces', json, '[{\n "a":\r\n1\n}]', ['{  "a":  1 }']],
    [
      'strings keep brackets and escapes',
      json,
      '[{"a":"]}\\"[{,\\\\"},{"b":1}]',
      ['{"a":"]}\\"[{,\\\\"}', '{"b":1}'],
    ],
    [
      'elements that are no objects are wrapped',
      json,
      '[1,"a,b",null,[2, 3],{"x":1}]',
      ['wrapped:1', 'wrapped:"a,b"', 'wrapped:null', 'wrapped:[2, 3]', '{"x":1}'],
    ],
    ['an array of numbers needs no content type', ndjson, '[1, 2]', ['wrapped:1', 'wrapped:2']],
    ['one JSON object is one event', json, '{"a":\n1}', ['{"a": 1}']],
    [
      'JSON objects may follow each other',
      json,
      '{"a":1}\n{"b":2} {"c":3}',
      ['{"a":1}', '{"b":2}', '{"c":3}'],
    ],
    ['JSON that is neither is a line', json, '42\nfoo', ['wrapped:42', 'wrapped:foo']],
    [
      'a log line in brackets is a line',
      ndjson,
      '[2026-11-22 10:00:00] error\n{"a":1}',
      ['wrapped:[2026-11-22 10:00:00] error', '{"a":1}'],
    ],
    [
      'a kernel log line is a line',
      ndjson,
      '[    0.000000] Linux\n',
      ['wrapped:[    0.000000] Linux'],
    ],
    ['NDJSON lines are not looked into', ndjson, '{"a":1}\n[1]\n', ['{"a":1}', 'wrapped:[1]']],
    [
      'ISO-8859-1 is transcoded',
      'application/x-ndjson; charset=ISO-8859-1',
      '{"a":"\xe9"}\n',
      ['{"a":"é"}'],
    ],
    [
      'windows-1252 is transcoded',
      'text/plain;charset="windows-1252"',
      '{"a":"\x80"}\n',
      ['{"a":"€"}'],
    ],
  ]
  for (const [title, type, body, events] of cases) {
    it(title, () => {
      const bytes = Buffer.from(body, 'latin1')
      const whole = read([bytes], type)
      assert.deepEqual(whole.found.map(shown), events)
      assert.deepEqual(
        read(
          Array.from(bytes, (byte) => Buffer.of(byte)),
          type,
        ),
        whole,
      )
    })
  }

  const malformed: [title: string, body: string][] = [
    ['unterminated', '[{"a":1}'],
    ['unterminated in an element', '[{"a":1'],
    ['unterminated in a string', '[{"a":"'],
    ['unterminated after a comma', '[{"a":1},'],
    ['garbage after the end', '[{"a":1}] x'],
    ['another array after the end', '[{"a":1}][{"a":1}]'],
    ['a missing comma', '[{"a":1}{"b":2}]'],
    ['a comma too many', '[{"a":1},]'],
    ['an empty element', '[{"a":1},,{"b":1}]'],
    ['brackets that do not match', '[{"a":[1}]'],
    ['a word', '[{"a":1},foo]'],
    ['a newline inside a string', '[{"a":"x\ny"}]'],
    ['an array after an object', '{"a":1}[{"b":1}]'],
  ]
  for (const [title, body] of malformed) {
    it(`refuses ${title}`, () => {
      const bytes = Buffer.from(body)
      for (const chunks of [[bytes], Array.from(bytes, (byte) => Buffer.of(byte))]) {
        assert.throws(
          () => read(chunks, json),
          (error) => error instanceof LogstashLinkError && error.code === 'LSL_BODY_MALFORMED',
        )
      }
    })
  }

  it('skips an element over the limit and takes the rest', () => {
    const body = Buffer.from(`[{"a":1},{"b":"${'x'.repeat(5000)}"},{"c":3}]`)
    assert.deepEqual(read([body], json, 2000), { found: ['{"a":1}', '{"c":3}'], oversized: [5008] })
    const parts = [body.subarray(0, 3000), body.subarray(3000)]
    assert.deepEqual(read(parts, json, 2000), { found: ['{"a":1}', '{"c":3}'], oversized: [5008] })
  })

  for (const type of ['multipart/form-data; boundary=x', 'text/plain; charset=klingon']) {
    it(`refuses the content type ${type}`, () => {
      assert.throws(
        () => readContentType(type),
        (error) =>
          error instanceof LogstashLinkError && error.code === 'LSL_CONTENT_TYPE_UNSUPPORTED',
      )
    })
  }

  it('cuts any array of objects as JSON.parse does, in any chunking', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.constantFrom(undefined, 1, '\t'),
        fc.array(fc.nat(2000), { maxLength: 20 }),
        (values, indent, cuts) => {
          const bytes = Buffer.from(JSON.stringify(values, undefined, indent))
          const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length]
          at.sort((a, b) => a - b)
          const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
          const { found } = read(chunks, json)
          assert.deepEqual(
            found.map((line) => JSON.parse(line)),
            JSON.parse(JSON.stringify(values)),
          )
        },
      ),
    )
  })

  it('gives the same result or the same refusal for any chunking of anything', () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      '"',
      '\\',
      ',',
      '\n',
      ' ',
      '1',
      'true',
      'x',
      '{"a":1}',
      '\xff',
      ':',
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.constantFrom(json, ndjson),
        (pieces, type) => {
          const bytes = Buffer.from(pieces.join(''), 'latin1')
          const single = Array.from(bytes, (byte) => Buffer.of(byte))
          assert.deepEqual(outcome(single, type), outcome([bytes], type))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

/** What was read, or how it was refused, without the words that depend on where a chunk ended. */
function outcome(chunks: Buffer[], type: string) {
  try {
    return read(chunks, type)
  } catch (error) {
    assert.ok(error instanceof LogstashLinkError)
    return error.code
  }
}
