import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { startProgram } from '../support/programs.ts'

const badLink = `apiVersion: logstashlink.io/v1alpha1
kind: LogstashLink
metadata: {name: orders, namespace: shop}
spec: {receiver: {hosts: ["10.0.0.1:0"]}}
`

const refusals: { title: string; args: string[]; code: number; said: RegExp }[] = [
  {
    title: 'local without manifests',
    args: ['local'],
    code: 2,
    said: /Expected `--file` to name manifests, got none/,
  },
  {
    title: 'a port that is none',
    args: ['local', '-f', 'x.yaml', '--health-port', '70000'],
    code: 2,
    said: /Expected `--health-port` to be an integer from 0 to 65535, got 70000/,
  },
  {
    title: 'an unknown log level',
    args: ['local', '-f', 'x.yaml', '--log-level', 'loud'],
    code: 2,
    said: /Expected `--log-level` to be one of Debug, Info, Warn, Error, got loud/,
  },
  {
    title: 'a file that is not there',
    args: ['local', '-f', '/no/such/file.yaml'],
    code: 1,
    said: /Cannot read \/no\/such\/file\.yaml, named by --file/,
  },
  {
    title: 'an invalid link',
    args: ['local', '-f', 'LINK'],
    code: 1,
    said: /link\.yaml, document 1, line 1: LogstashLink orders: .*spec\.receiver\.hosts\[0\]/,
  },
  {
    title: 'a demo of no requests',
    args: ['demo', '--requests', '0'],
    code: 2,
    said: /Expected `--requests` to be a number from 1 up, got 0/,
  },
  {
    title: 'a demo of a file that is not there',
    args: ['demo', '--events', '/no/such/events'],
    code: 2,
    said: /Cannot read \/no\/such\/events, named by --events/,
  },
]

for (const { title, args, code, said } of refusals) {
  test(`${title} is refused in a sentence, with exit code ${code}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'command-line-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const link = join(folder, 'link.yaml')
    writeFileSync(link, badLink)
    const given = args.map((arg) => (arg === 'LINK' ? link : arg))
    const program = startProgram('program', given, { folder })
    assert.equal(await program.ended, code)
    assert.match(readFileSync(join(folder, 'program.log'), 'utf8'), said)
  })
}
