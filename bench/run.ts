/**
 * `npm run bench`: sender → receiver over TLS and gzip on loopback. Prints a table, writes JSON to bench/results.
 * Figures of one run compare with each other; CPU time rather than wall time, since machines are shared.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createAuthority } from '../src/local/ca/issue.ts'
import { writeEvents } from './events.ts'
import { freePorts } from '../test/support/free-ports.ts'
import { metric, type Program, startProgram, untilReady } from '../test/support/programs.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000000' },
    /** A file of JSON lines in place of our own; --count must then say how many lines it has. */
    events: { type: 'string' },
    batch: { type: 'string', multiple: true, default: ['1000', '125'] },
  },
})
const count = Number(values.count)
const [port = 0, receiverHealth = 0, senderHealth = 0] = await freePorts(3)

const folder = mkdtempSync(join(tmpdir(), 'logstash-link-bench-'))
try {
  const events = values.events ?? join(folder, 'events.ndjson')
  if (values.events === undefined) await writeEvents(events, count)
  const bytes = statSync(events).size
  const authority = await createAuthority({ commonName: 'bench', now: () => new Date(), days: 2 })
  const leaf = await authority.issue({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
    usages: ['server auth'],
  })
  writeFileSync(join(folder, 'ca.crt'), authority.caPem)
  writeFileSync(join(folder, 'tls.crt'), leaf.certPem)
  writeFileSync(join(folder, 'tls.key'), leaf.keyPem, { mode: 0o600 })

  const rows = []
  for (const batch of values.batch) rows.push(await run(events, Number(batch)))
  console.table(rows)
  mkdirSync(new URL('results', import.meta.url), { recursive: true })
  const result = new URL(`results/${new Date().toISOString()}.json`, import.meta.url)
  writeFileSync(result, JSON.stringify({ count, bytes, node: process.version, rows }, null, 2))
} finally {
  rmSync(folder, { recursive: true })
}

async function run(events: string, batch: number) {
  const receiver = startMeasured('receiver', [
    ...['receiver', '--host', '127.0.0.1', '--port', String(port), '--deliver', 'stdout'],
    ...['--cert', join(folder, 'tls.crt'), '--key', join(folder, 'tls.key')],
    ...['--health-port', String(receiverHealth)],
  ])
  await untilReady(receiverHealth)
  const began = performance.now()
  const sender = startMeasured(
    'sender',
    [
      ...['sender', '--hosts', `127.0.0.1:${port}`, '--ca', join(folder, 'ca.crt')],
      ...['--host', '127.0.0.1', '--batch-events', String(batch)],
      ...['--health-port', String(senderHealth)],
    ],
    events,
  )
  const sentCode = await sender.ended
  const wallSeconds = (performance.now() - began) / 1000
  const delivered = await metric(receiverHealth, 'logstash_link_receiver_events_total')
  receiver.child.kill('SIGTERM')
  const receivedCode = await receiver.ended
  if (sentCode !== 0 || receivedCode !== 0 || delivered !== count) {
    throw new Error(
      `sender ended with ${sentCode}, receiver with ${receivedCode}, delivered ${delivered} of ${count}`,
    )
  }
  const sent = usageOf('sender')
  const received = usageOf('receiver')
  const micros = (usage: Usage): number => round(usage.cpuMicros / count)
  return {
    'events a batch': batch,
    events: count,
    'events/s': Math.round(count / wallSeconds),
    'sender µs/event': micros(sent),
    'receiver µs/event': micros(received),
    'both µs/event': round(micros(sent) + micros(received)),
    'sender peak RSS MiB': Math.round(sent.peakRssKiB / 1024),
    'receiver peak RSS MiB': Math.round(received.peakRssKiB / 1024),
  }
}

interface Usage {
  /** User and system time of the process, start-up included. */
  cpuMicros: number
  peakRssKiB: number
}

function startMeasured(name: string, args: string[], stdin?: string): Program {
  return startProgram(name, args, {
    folder,
    ...(stdin === undefined ? {} : { stdin }),
    env: { BENCH_USAGE_FILE: usageFile(name) },
    nodeArguments: ['--import', new URL('usage.mjs', import.meta.url).href],
  })
}

function usageFile(name: string): string {
  return join(folder, `${name}.usage.json`)
}

function usageOf(name: string): Usage {
  return JSON.parse(readFileSync(usageFile(name), 'utf8')) as Usage
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
