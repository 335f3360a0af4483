/**
 * `node bench/queue/run.ts`: the log of the disk queue against SQLite (WAL, synchronous = FULL) on this machine, one after
 * the other. Figures of one run compare with each other.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    /** On the disk that is measured; a tmpfs syncs for nothing. */
    folder: { type: 'string', default: '.' },
    scale: { type: 'string', default: '1' },
  },
})
const loads = [
  { load: 'requests of 1 event', requests: 20_000, events: 1, late: '' },
  { load: 'requests of 300 events', requests: 2_000, events: 300, late: '' },
  { load: 'the same, delivered after an outage', requests: 2_000, events: 300, late: 'late' },
]
const rows = []
for (const { load, requests, events, late } of loads) {
  for (const store of ['log', 'sqlite']) {
    const directory = mkdtempSync(join(values.folder, 'bench-queue-'))
    try {
      const count = String(Math.round(requests * Number(values.scale)))
      const program = new URL('measure.ts', import.meta.url).pathname
      const args = [program, store, directory, count, String(events), late]
      const out = execFileSync(process.execPath, args, { encoding: 'utf8' })
      rows.push({ load, store, ...(JSON.parse(out) as object) })
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
}
console.table(rows)
mkdirSync(new URL('../results', import.meta.url), { recursive: true })
const result = new URL(`../results/queue-${new Date().toISOString()}.json`, import.meta.url)
writeFileSync(result, JSON.stringify({ node: process.version, rows }, null, 2))
