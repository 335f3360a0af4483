import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { joinEvents, lines, splitEvents, type Events } from '../../../src/dataplane/wire/events.ts'
import { createLineReader, type OversizedLine } from '../../../src/dataplane/wire/lines.ts'

const time = new Date('2026-01-02T03:04:05.678Z')
const wrapped = (message: string, tag = false) =>
  `${JSON.stringify({ message, '@timestamp': time.toISOString(), ...(tag ? { tags: ['_jsonparsefailure'] } : {}) })}\n`

interface Read {
  body: string
  count: number
  oversized: { head: string; length: number }[]
}

function read(chunks: Buffer[], { maxLine = 1 << 20, tagMalformed = false } = {}): Read {
  const reader = createLineReader({ maxLine, tagMalformed, now: () => time })
  const events: Events[] = []
  const oversized: OversizedLine[] = []
  for (const output of [...chunks.map((chunk) => reader.push(chunk)), reader.finish()]) {
    events.push(...output.events)
    oversized.push(...output.oversized)
  }
  const { body, count } = joinEvents(events)
  assert.equal(
    events.every((run) => [...lines(run)].length === run.count && run.count > 0),
    true,
  )
  return {
    body: body.toString('latin1'),
    count,
    oversized: oversized.map(({ head, length }) => ({ head: head.toString('latin1'), length })),
  }
}

describe('reading lines', () => {
  const cases: [title: string, input: string, body: string, count: number][] = [
    ['objects pass as they are', '{"a":1}\n{"b":2}\n', '{"a":1}\n{"b":2}\n', 2],
    ['a last line needs no newline', '{"a":1}\n{"b":2}', '{"a":1}\n{"b":2}\n', 2],
    ['one CR at the end is cut', '{"a":1}\r\n{"b":2}\r\n', '{"a":1}\n{"b":2}\n', 2],
    ['blanks around an object pass', ' \t{"a":1} \n', ' \t{"a":1} \n', 1],
    ['blank lines are no events', '\n\r\n  \t\n{"a":1}\n\n', '{"a":1}\n', 1],
    ['an object need not be well-formed inside', '{not json}\n', '{not json}\n', 1],
    ['invalid UTF-8 inside an object passes', '{"a":"\xff"}\n', '{"a":"\xff"}\n', 1],
    [
      'other lines are wrapped',
      'plain\n42\nnull\n',
      ['plain', '42', 'null'].map((t) => wrapped(t)).join(''),
      3,
    ],
    ['a lone brace is text', '{\n}\n', wrapped('{') + wrapped('}'), 2],
    ['the message is the exact line', ' a\t"b" \r\n', wrapped(' a\t"b" '), 1],
    ['no input gives no events', '', '', 0],
    [
      'objects and text may alternate',
      '{"a":1}\nx\n{"b":2}\n',
      `{"a":1}\n${wrapped('x')}{"b":2}\n`,
      3,
    ],
  ]
  for (const [title, input, body, count] of cases) {
    it(title, () => {
      assert.deepEqual(read([Buffer.from(input, 'latin1')]), { body, count, oversized: [] })
    })
  }

  it('replaces invalid UTF-8 of a wrapped line by U+FFFD', () => {
    const { body } = read([Buffer.from('a\xffb\n', 'latin1')])
    assert.equal(Buffer.from(body, 'latin1').toString('utf8'), wrapped('a\ufffdb'))
  })

  it('tags what it wraps when told to', () => {
    assert.equal(read([Buffer.from('x')], { tagMalformed: true }).body, wrapped('x', true))
  })

  it('reports a line over the limit with its head and takes the rest', () => {
    const long = `{"a":"${'x'.repeat(5000)}"}`
    const input = Buffer.from(`{"b":1}\n${long}\r\n{"c":2}\n`)
    assert.deepEqual(read([input], { maxLine: 4096 }), {
      body: '{"b":1}\n{"c":2}\n',
      count: 2,
      oversized: [{ head: long.slice(0, 1024), length: long.length }],
    })
  })

  it('takes a line of exactly the limit, with or without CR', () => {
    const exact = `{"a":"${'x'.repeat(92)}"}`
    for (const end of ['\n', '\r\n', '']) {
      assert.equal(read([Buffer.from(exact + end)], { maxLine: 100 }).count, 1)
      assert.equal(read([Buffer.from(exact + end)], { maxLine: 99 }).oversized[0]?.length, 100)
    }
  })

  it('holds only the head of an endless line', () => {
    const reader = createLineReader({ maxLine: 1 << 20, tagMalformed: false, now: () => time })
    const chunk = Buffer.alloc(1 << 20, 'x')
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 512; i += 1) reader.push(chunk)
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 << 20)
    const { oversized } = reader.finish()
    assert.deepEqual(
      oversized.map((line) => [line.head.length, line.length]),
      [[1024, 512 << 20]],
    )
  })

  it('reads a 10 MB line that comes byte by byte in parts', () => {
    const line = Buffer.from(`{"a":"${'x'.repeat(10_000_000)}"}`)
    const chunks = Array.from({ length: Math.ceil(line.length / 7777) }, (_, i) =>
      line.subarray(i * 7777, (i + 1) * 7777),
    )
    const result = read(chunks, { maxLine: 16 << 20 })
    assert.equal(result.count, 1)
    assert.equal(result.body.length, line.length + 1)
  })

  it('gives the same for any chunking', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        '\r\n',
        '\r',
        ' ',
        '{',
        '}',
        '{"a":1}',
        '{"b":"\xff"}\n',
        'text',
        '\n\n',
      ),
      fc.string({ maxLength: 40, unit: 'binary-ascii' }),
      fc.nat(3000).map((length) => `{${'y'.repeat(length)}}`),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.nat(5000), { maxLength: 30 }),
        fc.constantFrom(1, 10, 1000, 1023, 1024, 1025, 2000, 1 << 20),
        (pieces, cuts, maxLine) => {
          const input = Buffer.from(pieces.join(''), 'latin1')
          const at = [0, ...cuts.map((cut) => Math.min(cut, input.length)), input.length]
          at.sort((a, b) => a - b)
          const chunks = at.slice(1).map((end, i) => input.subarray(at[i], end))
          assert.deepEqual(read(chunks, { maxLine }), read([input], { maxLine }))
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('splitting events', () => {
  const events: Events = { body: Buffer.from('{1}\n{22}\n{333}\n'), count: 3 }
  const cases: [
    title: string,
    maxEvents: number,
    maxBytes: number,
    first: string,
    count: number,
  ][] = [
    ['keeps what fits whole', 3, 15, '{1}\n{22}\n{333}\n', 3],
    ['cuts by count', 2, 1000, '{1}\n{22}\n', 2],
    ['cuts by bytes', 10, 14, '{1}\n{22}\n', 2],
    ['cuts at the exact byte', 10, 9, '{1}\n{22}\n', 2],
    ['takes one event though it is too large', 10, 1, '{1}\n', 1],
  ]
  for (const [title, maxEvents, maxBytes, first, count] of cases) {
    it(title, () => {
      const [head, rest] = splitEvents(events, maxEvents, maxBytes)
      assert.deepEqual([head.body.toString(), head.count], [first, count])
      assert.equal(rest?.count ?? 0, 3 - count)
      assert.equal(rest?.body.toString() ?? '', events.body.toString().slice(first.length))
    })
  }
})
