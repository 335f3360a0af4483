import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
}

/** As npm installs it: a link of that name in a folder of the PATH. */
async function plugin(
  args: string[],
  path = process.env['PATH'],
): Promise<{ code: number; out: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-plugin-'))
  const file = join(folder, 'kubectl-logstashlink')
  symlinkSync(join(root, bin['kubectl-logstashlink'] ?? ''), file)
  const { promise, resolve } = Promise.withResolvers<{ code: number; out: string }>()
  execFile(file, args, { env: { ...process.env, PATH: path } }, (error, stdout, stderr) =>
    resolve({ code: typeof error?.code === 'number' ? error.code : 0, out: stdout + stderr }),
  )
  const result = await promise
  rmSync(folder, { recursive: true })
  return result
}

for (const [args, program] of [
  [['--help'], 'status [NAME]'],
  [['status', '--help'], 'status [NAME]'],
  [['check', '--help'], 'check'],
  [['render', '--help'], 'render [FILE…]'],
] as const) {
  test(`kubectl logstashlink ${args.join(' ')} is logstash-link ${program}`, async () => {
    const { code, out } = await plugin([...args])
    assert.equal(code, 0, out)
    assert.match(out, new RegExp(`^usage: logstash-link ${RegExp.escape(program)} `))
  })
}

test('what is no program goes to status, whose exit code is the plugin’s', async () => {
  const { code, out } = await plugin(['orders', 'bills'])
  assert.equal(code, 2)
  assert.match(out, /got "bills"/)
})

test('on a machine with an old Node the one that the project brings takes over', async (t) => {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const old = await Promise.all(folders.map(isOldNode))
  const path = folders.find((_folder, index) => old[index])
  if (path === undefined) return t.skip('no older Node is on the PATH')
  const { code, out } = await plugin(['orders', 'bills'], path)
  assert.equal(code, 2)
  assert.match(out, /got "bills"/)
})

function isOldNode(folder: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  execFile(join(folder, 'node'), ['--version'], (_error, stdout) =>
    resolve(/^v2[0-5]\./.test(stdout)),
  )
  return promise
}
