import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bin = fileURLToPath(new URL('../../bin/logstash-link.js', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** A Node of the machine that is too old for the sources, as on a fresh one. */
async function oldNode(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const folder of folders) {
    const path = join(folder, 'node')
    const version = await run(path, ['--version']).then(
      ({ stdout }) => stdout.trim().slice(1),
      () => undefined,
    )
    if (version !== undefined && Number.parseInt(version, 10) < 26) return path
  }
  return undefined
}

test('the entry that package.json names hands over to the bundled Node when the machine’s is old', async (t) => {
  const node = await oldNode()
  if (node === undefined) return t.skip('no Node older than the required one is on PATH')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const { stdout } = await run(node, [bin, '--version'])
  assert.equal(stdout.trim(), version)
  const refused = run(node, [bin, 'sender', '--hosts', ''])
  await assert.rejects(refused, (error: { code: number; stderr: string }) => {
    assert.match(error.stderr, /--hosts/)
    return error.code === 2
  })
})

test('npm starts every command in place of its shell, so that signals reach it', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const own = Object.entries(scripts).filter(([name]) => name !== 'prepare')
  assert.ok(own.length > 5)
  for (const [name, script] of own) assert.equal(script, `exec node scripts/run.mjs ${name}`)
})
