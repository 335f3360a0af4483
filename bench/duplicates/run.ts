/**
 * `npm run bench:duplicates`: how many events come twice. A sender sends at a fixed rate, through a proxy that resets some
 * connections before the request arrived, some after it, and loses some answers; then the receiver is killed and started
 * again, then receiver and sender in turn (it tails a file, its queue is on the disk).
 *
 *   our receiver               keys as they are
 *   our receiver, no key       the proxy takes the header away, as if the sender were another's
 *   a receiver without memory  answers 200 at once and ignores the header, as a real Logstash does
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runDuplicates, type Kind } from './measure.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    /** Events a second. */
    rate: { type: 'string', default: '10000' },
    /** Of requests: reset before they arrive, reset after that, answer lost for ever; each so many in a thousand. */
    faults: { type: 'string', default: '2' },
    /** Seconds between two kills. */
    kill: { type: 'string', default: '5' },
  },
})
const kinds: Kind[] = ['ours', 'ours, header stripped', 'no memory']
const rows = []
const folder = mkdtempSync(join(tmpdir(), 'logstash-link-duplicates-'))
try {
  for (const killed of ['nobody', 'receiver', 'both'] as const) {
    for (const kind of kinds) {
      const row = await runDuplicates({
        kind,
        folder,
        events: Number(values.events),
        rate: Number(values.rate),
        faults: Number(values.faults) / 1000,
        ...(killed === 'nobody' ? {} : { killEvery: Number(values.kill) * 1000 }),
        killSender: killed === 'both',
      })
      rows.push(row)
      console.table([row])
    }
  }
  console.table(rows)
  mkdirSync(new URL('../results', import.meta.url), { recursive: true })
  const result = new URL(`../results/duplicates-${new Date().toISOString()}.json`, import.meta.url)
  writeFileSync(result, JSON.stringify({ ...values, node: process.version, rows }, null, 2))
  process.exitCode = rows.some(({ missing }) => missing > 0) ? 1 : 0
} finally {
  rmSync(folder, { recursive: true })
}
