import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import {
  bodyOf,
  expect,
  problemOfEvents,
  type Expected,
} from '../../../src/cli/demo/events-file.ts'
import { createBodyReader } from '../../../src/dataplane/wire/body.ts'
import { readContentType } from '../../../src/dataplane/wire/content-type.ts'
import { lines as linesOf } from '../../../src/dataplane/wire/events.ts'

const bom = '\uFEFF'

/** What a sender makes of a request of these lines, pushed in pieces of a size. */
function taken(lines: readonly Buffer[], piece: number): string[] {
  const reader = createBodyReader(readContentType('application/x-ndjson'), {
    maxLine: 2 ** 20,
    tagMalformed: false,
    now: () => new Date(0),
  })
  const body = bodyOf(lines)
  const outputs = []
  for (let start = 0; start < body.length; start += piece) {
    outputs.push(reader.push(body.subarray(start, start + piece)))
  }
  outputs.push(reader.finish())
  return outputs
    .flatMap(({ events }) => events)
    .flatMap((events) => [...linesOf(events)].map((line) => line.toString()))
    .map((line) => line.replace(/\n$/, ''))
}

const cases: { title: string; lines: string[] }[] = [
  { title: 'an array of numbers before one of objects', lines: ['[1,2,3]', '[{"a":1},{"a":2}]'] },
  { title: 'an array alone', lines: ['[{"a":1}]'] },
  { title: 'an array behind blanks', lines: [' \t[{"a":1}]', 'x'] },
  { title: 'an array that is cut', lines: ['["a', '{"b":1}'] },
  { title: 'a date in brackets', lines: ['[2026-11-22 10:00:00] error'] },
  { title: 'an object behind a byte order mark', lines: [`${bom}{"bom":1}`, '{"a":1}'] },
  { title: 'an object behind a space that is no blank', lines: ['\u00A0{"a":1}', '\v{"a":1}'] },
  { title: 'an object between blanks', lines: [' \t{"a":1}\t '] },
  { title: 'a brace alone', lines: ['{', '}', '{}'] },
]

for (const { title, lines } of cases) {
  test(`senders take ${title} line by line, as the demo expects it`, () => {
    const buffers = lines.map((line) => Buffer.from(line))
    const expected: Expected = { lines: new Map(), messages: new Map() }
    for (const line of buffers) expect(expected, line)
    for (const piece of [1, 7, 2 ** 20]) {
      const arrived: Expected = { lines: new Map(), messages: new Map() }
      for (const line of taken(buffers, piece)) {
        const wrapped = /^\{"message":(.*),"@timestamp":"1970/.exec(line)?.[1]
        if (wrapped === undefined) count(arrived.lines, line)
        else count(arrived.messages, JSON.parse(wrapped) as string)
      }
      assert.deepEqual(arrived, expected)
    }
  })
}

function count(counts: Map<string, number>, content: string): void {
  const digest = createHash('sha256').update(content).digest('hex')
  counts.set(digest, (counts.get(digest) ?? 0) + 1)
}

const files: { title: string; content?: string; problem: RegExp | undefined }[] = [
  { title: 'a file that is not there', problem: /^Cannot read .*, named by --events: ENOENT/ },
  { title: 'an empty file', content: '', problem: /^Expected `--events` .* which holds none$/ },
  { title: 'blank lines', content: '\n \t\r\n\n', problem: /which holds none$/ },
  { title: 'a line without end', content: '\n\nx', problem: undefined },
]

for (const { title, content, problem } of files) {
  test(`--events with ${title} ${problem ? 'has a problem' : 'has none'}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'events-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'events')
    if (content !== undefined) writeFileSync(path, content)
    const said = await problemOfEvents(path)
    if (problem === undefined) assert.equal(said, undefined)
    else assert.match(said ?? '', problem)
  })
}

test('--events with a pipe is left alone: what is read of it would be lost', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  assert.equal(await problemOfEvents(path), undefined)
})

test('--events with a folder has a problem', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'events-'))
  t.after(() => rmSync(folder, { recursive: true }))
  assert.match((await problemOfEvents(folder)) ?? '', /^Cannot read .*, named by --events: EISDIR/)
})
