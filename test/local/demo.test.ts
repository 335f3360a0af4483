import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { eventually } from '../support/eventually.ts'
import { startProgram, type Program } from '../support/programs.ts'

interface Started extends Program {
  output(): string
}

/** Runs a program of ours in a folder of its own; both end with the test. */
function started(
  t: { after(done: () => Promise<void>): void },
  args: string[],
): Started & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  const stdout = join(folder, 'stdout')
  const program = startProgram('demo', args, { folder, stdout })
  t.after(async () => {
    program.child.kill('SIGTERM')
    await program.ended
    rmSync(folder, { recursive: true })
  })
  const output = (): string =>
    readFileSync(stdout, 'utf8') + readFileSync(join(folder, 'demo.log'), 'utf8')
  return { ...program, output, folder }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

test('the lines of a file arrive byte for byte, plain ones as the exact message, and all processes end', async (t) => {
  const source = mkdtempSync(join(tmpdir(), 'events-'))
  t.after(() => rmSync(source, { recursive: true }))
  const json = Array.from(
    { length: 150 },
    (_, seq) => `{"seq": ${seq},"text":"Grüße  \\u00e9 \\"x\\"" }`,
  )
  const plain = Array.from(
    { length: 150 },
    (_, seq) => `10.0.0.${seq} - "GET /a\\b HTTP/1.1"\t{${seq}] 日本`,
  )
  const invalid = Buffer.from([0x62, 0xff, 0x61, 0x64])
  const file = join(source, 'events')
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(`${json.join('\n')}\r\n\n${plain.join('\n')}\n`), invalid]),
  )
  const demo = started(t, ['demo', '--events', file, '--keep'])
  const urls = await eventually('it prints where to look', () => {
    const found = [...demo.output().matchAll(/curl (http:\/\/\S+)\/count/g)].map(([, url]) => url)
    assert.equal(found.length, 3, demo.output())
    return found
  })
  assert.match(demo.output(), /sent 301 in .* missing 0,/)
  assert.match(demo.output(), /every event arrived/)
  const digests = new Set<string>()
  let largest = 0
  for (const url of urls) {
    const lines = await (await fetch(`${url}/digests`)).text()
    for (const [, digest = '', message = ''] of lines.matchAll(/^\d+ (\S+) (\S+)$/gm)) {
      digests.add(message === '-' ? digest : `message ${message}`)
    }
    const count = (await (await fetch(`${url}/count`)).json()) as { maxBatch: number }
    largest = Math.max(largest, count.maxBatch)
  }
  const expected = [
    ...json.map((line) => sha256(line)),
    ...[...plain, 'b\uFFFDad'].map((line) => `message ${sha256(line)}`),
  ]
  assert.deepEqual([...digests].toSorted(), expected.toSorted())
  assert.ok(largest <= 100)

  const folder = /ls (\S+)\/logs/.exec(demo.output())?.[1] ?? ''
  assert.ok(existsSync(join(folder, 'pids')))
  demo.child.kill('SIGINT')
  assert.equal(await demo.ended, 0)
  assert.ok(!existsSync(folder))
})

test('with requests of its own the demo kills a receiver and misses nothing, here with one address for all pods', async (t) => {
  const demo = started(t, ['demo', '--requests', '1500', '--shared-address'])
  assert.equal(await demo.ended, 0, demo.output())
  assert.match(demo.output(), /kill -9 \d+, the receiver of shop\/indexer/)
  assert.match(demo.output(), /is back, as a new process/)
  assert.match(demo.output(), /sent 1500 .* missing 0,/)
})

test('kill -9 of local leaves neither processes nor files', async (t) => {
  const local = started(t, ['local', '-f', 'deploy/examples'])
  const folder = await eventually('it runs', () => {
    const found = /files\s+(\S+),/.exec(local.output())?.[1]
    assert.ok(found, local.output())
    assert.ok([...local.output().matchAll(/pod .* ready at/g)].length >= 5, local.output())
    return found
  })
  const pids = readdirSync(join(folder, 'pids')).map(Number)
  assert.ok(pids.length >= 10, `expected ten processes, got ${pids.length}`)
  local.child.kill('SIGKILL')
  await local.ended
  await eventually('all of its processes have ended', () =>
    assert.deepEqual(pids.filter(isAlive), []),
  )
  await eventually('its folder is gone', () => assert.ok(!existsSync(folder)))
})
