/** A file's lines as events: posted to the senders as they are, and remembered by digest to be compared downstream. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { kindOfLine } from '../../dataplane/wire/wrap.ts'
import { messageOf, TerminalError } from '../../errors.ts'

/** How often each is expected: JSON lines by the digest of their bytes, others by the digest of their text. */
export interface Expected {
  lines: Map<string, number>
  messages: Map<string, number>
}

/**
 * Lines in one request, and so in one batch, as each sender gets one request at a time. The first ones are small, so that
 * even a short file makes enough batches for all receivers to get their share.
 */
const linesPerRequest = { first: 20, later: 100 }
const firstRequests = 50
const maxRequest = 8 * 2 ** 20
const patience = 60_000

export interface FileRun {
  sent(): number
  expected: Expected
  /** Resolves when every line was taken by a sender. */
  done: Promise<void>
}

/**
 * Why nothing can be sent of a file, as a sentence; undefined when it holds an event. It reads up to the first one, but
 * not from a pipe, which gives its bytes only once. What cannot be read is said as LSL_FILE_UNREADABLE would be.
 */
export async function problemOfEvents(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFIFO() || found?.isSocket()) return undefined
    for await (const _ of linesOf(path)) return undefined
    return `Expected \`--events\` to name a file with events, got ${path}, which holds none`
  } catch (error) {
    return messageOf(error)
  }
}

/** @param collectors base URLs of the senders' collect.http, taken in turn */
export function sendFile(
  path: string,
  collectors: readonly string[],
  signal: AbortSignal,
): FileRun {
  const expected: Expected = { lines: new Map(), messages: new Map() }
  let sent = 0
  const pools = collectors.map((url) => new Pool(url, { connections: 1 }))
  const requests = requestsOf(path)

  const client = async (pool: Pool): Promise<void> => {
    for (;;) {
      const { value: lines, done } = await requests.next()
      if (done) return
      await post(pool, lines, signal)
      for (const line of lines) expect(expected, line)
      sent += lines.length
    }
  }
  const clients = pools.map(client)
  return {
    sent: () => sent,
    expected,
    done: Promise.all(clients).then(async () => {
      await Promise.all(pools.map(async (pool) => pool.close()))
    }),
  }
}

async function post(pool: Pool, lines: readonly Buffer[], signal: AbortSignal): Promise<void> {
  const body = bodyOf(lines)
  const headers = { 'content-type': 'application/x-ndjson' }
  const deadline = performance.now() + patience
  for (;;) {
    const response = await pool.request({ method: 'POST', path: '/', headers, body, signal })
    const said = await response.body.text()
    const { statusCode } = response
    if (statusCode < 300) return
    const later = statusCode === 429 || statusCode === 503
    if (!later || performance.now() > deadline) {
      throw new TerminalError('LSL_DEMO_REFUSED', [statusCode, said.trim()])
    }
    await delay(200, undefined, { signal })
  }
}

/**
 * A body that begins with a bracket may be taken for one JSON array, whatever its type. It is told by its beginning, and
 * one of blank lines is none; they are no events.
 */
const blankBeginning = Buffer.alloc(1024, '\n')

/** Lines as a request that is taken line by line. */
export function bodyOf(lines: readonly Buffer[]): Buffer {
  const isBracket = lines[0]?.toString('latin1').trimStart().startsWith('[') ?? false
  return Buffer.concat([
    ...(isBracket ? [blankBeginning] : []),
    ...lines.flatMap((line) => [line, Buffer.of(10)]),
  ])
}

/** Adds a line as it must arrive: by the rule of the senders, which look at bytes. */
export function expect(expected: Expected, line: Buffer): void {
  const isObject = kindOfLine(line, 0, line.length) === 'object'
  const [digests, content] = isObject
    ? [expected.lines, line]
    : [expected.messages, line.toString('utf8')]
  const digest = createHash('sha256').update(content).digest('hex')
  digests.set(digest, (digests.get(digest) ?? 0) + 1)
}

async function* requestsOf(path: string): AsyncGenerator<Buffer[], undefined> {
  let lines: Buffer[] = []
  let size = 0
  let requests = 0
  for await (const line of linesOf(path)) {
    const most = requests < firstRequests ? linesPerRequest.first : linesPerRequest.later
    if (lines.length === most || (lines.length > 0 && size + line.length > maxRequest)) {
      yield lines
      requests += 1
      lines = []
      size = 0
    }
    lines.push(line)
    size += line.length
  }
  if (lines.length > 0) yield lines
  return undefined
}

/** Lines without their ends (`\n`, `\r\n`); those that hold nothing are no events. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        yield* whole(Buffer.concat([...rest, chunk.subarray(start, end)]))
        rest = []
        start = end + 1
      }
      rest.push(chunk.subarray(start))
    }
  } catch (error) {
    throw new TerminalError('LSL_FILE_UNREADABLE', [path, '--events', messageOf(error)], {
      cause: error,
    })
  }
  yield* whole(Buffer.concat(rest))
}

function* whole(line: Buffer): Generator<Buffer> {
  const content = line.at(-1) === 13 ? line.subarray(0, -1) : line
  if (kindOfLine(content, 0, content.length) !== 'blank') yield content
}
