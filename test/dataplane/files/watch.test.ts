import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { watchFiles } from '../../../src/dataplane/files/watch.ts'
import { capturedLog, silentLog } from '../../support/log.ts'

interface Scene {
  path(name: string): string
  changes(): number
  watch(names: string[]): { close(): void }
}

function scene(t: TestContext): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string): string => join(folder, name)
  let changes = 0
  const onChange = (): void => {
    changes += 1
  }
  return {
    path,
    changes: () => changes,
    watch: (names) => {
      const watch = watchFiles(names.map(path), onChange, { log: silentLog(), intervalMs: 10 })
      t.after(() => watch.close())
      return watch
    },
  }
}

/** Writes a Secret as the kubelet does: a new folder with all files, and the `..data` symlink renamed over. */
function kubeletWrites(root: string, version: string, files: Record<string, string>): void {
  mkdirSync(join(root, version), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, version, name), text)
  symlinkSync(version, join(root, '..data_tmp'))
  renameSync(join(root, '..data_tmp'), join(root, '..data'))
}

const cases: [string, (s: Scene) => void, (s: Scene) => void][] = [
  [
    'a file that is written over with the same length at once',
    (s) => writeFileSync(s.path('a'), 'one'),
    (s) => writeFileSync(s.path('a'), 'two'),
  ],
  [
    'a file that another is renamed over',
    (s) => writeFileSync(s.path('a'), 'one'),
    (s) => {
      writeFileSync(s.path('a.new'), 'two')
      renameSync(s.path('a.new'), s.path('a'))
    },
  ],
  ['a file that comes into being later', () => undefined, (s) => writeFileSync(s.path('a'), 'one')],
  [
    'a file whose whole folder comes later',
    () => undefined,
    (s) => {
      mkdirSync(s.path('late'))
      writeFileSync(s.path('late/a'), 'one')
    },
  ],
  [
    'a file that goes away',
    (s) => writeFileSync(s.path('a'), 'one'),
    (s) => {
      rmSync(s.path('a'))
    },
  ],
]

for (const [title, before, change] of cases) {
  test(`${title} is noticed once`, async (t) => {
    const s = scene(t)
    before(s)
    s.watch(['a', 'late/a'])
    change(s)
    await t.waitFor(() => assert.equal(s.changes(), 1))
  })
}

test("the kubelet's swap of ..data is noticed once for all the files in it", async (t) => {
  const s = scene(t)
  kubeletWrites(s.path('secret'), '..2026_1', { 'tls.crt': 'one', 'tls.key': 'one' })
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, s.path(`secret/${name}`))
  s.watch(['secret/tls.crt', 'secret/tls.key'])
  kubeletWrites(s.path('secret'), '..2026_2', { 'tls.crt': 'two', 'tls.key': 'two' })
  await t.waitFor(() => assert.equal(s.changes(), 1))
  kubeletWrites(s.path('secret'), '..2026_3', { 'tls.crt': 'six', 'tls.key': 'six' })
  await t.waitFor(() => assert.equal(s.changes(), 2))
})

test('after close nothing is called any more', async (t) => {
  const s = scene(t)
  const closed = s.watch(['a'])
  closed.close()
  let control = 0
  const onChange = (): void => {
    control += 1
  }
  const watch = watchFiles([s.path('a')], onChange, { log: silentLog(), intervalMs: 30 })
  t.after(() => watch.close())
  writeFileSync(s.path('a'), 'one')
  await t.waitFor(() => assert.equal(control, 1))
  assert.equal(s.changes(), 0)
})

test('a listener that throws is logged and the watch goes on', async (t) => {
  const s = scene(t)
  const { log, lines } = capturedLog()
  const watch = watchFiles([s.path('a')], () => assert.fail('no'), { log, intervalMs: 10 })
  t.after(() => watch.close())
  writeFileSync(s.path('a'), 'one')
  const failures = (): number => lines.filter(({ level }) => level === 'error').length
  await t.waitFor(() => assert.equal(failures(), 1))
  writeFileSync(s.path('a'), 'three')
  await t.waitFor(() => assert.equal(failures(), 2))
})
