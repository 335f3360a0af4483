// Writes dist from src, anew each time, and a stamp by which bin/entry.js knows how old it is.
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
// Made aside and then put in place, so that programs which start meanwhile find a whole one.
const next = join(root, `dist.${process.pid}`)
const began = new Date()
const tsc = join(root, 'node_modules', '.bin', 'tsc')
const { status, error } = spawnSync(tsc, ['--project', 'tsconfig.build.json', '--outDir', next], {
  cwd: root,
  stdio: 'inherit',
})
if (error) throw error
if (status !== 0) {
  rmSync(next, { recursive: true, force: true })
  process.exit(status ?? 1)
}
writeFileSync(join(next, '.built'), began.toISOString())
rmSync(dist, { recursive: true, force: true })
renameSync(next, dist)
