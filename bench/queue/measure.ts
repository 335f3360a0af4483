/** One store under one load, in a process of its own: measure.ts STORE DIRECTORY REQUESTS EVENTS LATE. Prints JSON. */
import { setTimeout } from 'node:timers/promises'
import type { Events } from '../../src/dataplane/wire/events.ts'
import { openLog, openSqlite } from './stores.ts'

const [, , name = '', directory = '', requests = '0', each = '0', late = ''] = process.argv
const producers = 64
const store = name === 'log' ? await openLog(directory) : openSqlite(directory)
const line = `${JSON.stringify({ '@timestamp': '2026-11-22T10:00:00.000Z', message: 'x'.repeat(140) })}\n`
const request: Events = { body: Buffer.from(line.repeat(Number(each))), count: Number(each) }
const total = Number(requests) * Number(each)

let left = Number(requests)
async function produce(): Promise<void> {
  while (left > 0) {
    left -= 1
    await store.commit(request)
  }
}
async function consume(): Promise<void> {
  for (let consumed = 0; consumed < total; ) {
    const count = store.consume()
    consumed += count
    // Not busily: its turns would count as the store's.
    if (count === 0) await setTimeout(2)
  }
}

const began = performance.now()
const before = process.cpuUsage()
const producing = Promise.all(Array.from({ length: producers }, () => produce()))
if (late === 'late') await producing
const committing = producing.then(() => performance.now() - began)
await Promise.all([producing, consume()])
const { user, system } = process.cpuUsage(before)
const committedMs = await committing
const syncs = store.syncs()
await store.close()
console.log(
  JSON.stringify({
    'events/CPU s': Math.round(total / ((user + system) / 1e6)),
    'requests/s': Math.round((Number(requests) / committedMs) * 1000),
    'syncs/s': Math.round((syncs / committedMs) * 1000),
    'peak RSS MiB': Math.round(process.resourceUsage().maxRSS / 1024),
  }),
)
