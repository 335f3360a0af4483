/**
 * Events flow from one sender to three receivers while one receiver is killed with SIGKILL and started again, one hangs
 * (SIGSTOP), and the certificate of the third is replaced. A checker reads what the receivers delivered.
 */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createAuthority } from '../../src/local/ca/issue.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'
import { type Program, startProgram, untilReady } from '../support/programs.ts'

export interface FaultRun {
  events: number
  missing: number
  duplicates: number
  /** Longest time without any delivery, ms, from the first fault to the last event written. */
  longestStop: number
  /** Deliveries by each receiver, duplicates included. */
  shares: number[]
  /** The rotated receiver served its new certificate. */
  rotated: boolean
  /** Exit code of the sender. */
  exitCode: number | null
}

interface FaultOptions {
  events: number
  /** Events written to the sender a second. */
  rate: number
  /** How long a receiver hangs, ms. */
  hangMs: number
  /** Folder for logs that is kept; else a temporary one. */
  keep?: string
}

const hosts = ['127.0.0.1', '127.0.0.1', '127.0.0.1']

export async function runFaults(options: FaultOptions): Promise<FaultRun> {
  const folder = options.keep ?? mkdtempSync(join(tmpdir(), 'logstash-link-faults-'))
  const running = new Set<Program>()
  try {
    return await faultRun(options, folder, running)
  } finally {
    for (const { child } of running) child.kill('SIGKILL')
    await Promise.all([...running].map((program) => program.ended))
    if (options.keep === undefined) rmSync(folder, { recursive: true })
  }
}

async function faultRun(
  { events, rate, hangMs }: FaultOptions,
  folder: string,
  running: Set<Program>,
): Promise<FaultRun> {
  const authority = await createAuthority({ commonName: 'faults', now: () => new Date(), days: 2 })
  writeFileSync(join(folder, 'ca.crt'), authority.caPem)
  const writeIdentity = async (index: number): Promise<void> => {
    const leaf = await authority.issue({
      dnsNames: [],
      ipAddresses: ['127.0.0.1'],
      days: 1,
      usages: ['server auth'],
    })
    // As cert-manager's Secret in a volume would change: each file by a rename, so that no half file is read.
    for (const [name, pem] of [
      ['crt', leaf.certPem],
      ['key', leaf.keyPem],
    ] as const) {
      writeFileSync(join(folder, `${index}.${name}.new`), pem, { mode: 0o600 })
      renameSync(join(folder, `${index}.${name}.new`), join(folder, `${index}.${name}`))
    }
  }
  const all = await freePorts(7)
  const ports = all.slice(0, 3)
  const health = all.slice(3, 6)
  const output = (index: number): string => join(folder, `delivered-${index}.ndjson`)

  const startReceiver = async (index: number): Promise<Program> => {
    const receiver = startProgram(
      `receiver-${index}`,
      [
        ...['receiver', '--host', '127.0.0.1', '--port', String(ports[index])],
        ...['--cert', join(folder, `${index}.crt`), '--key', join(folder, `${index}.key`)],
        ...['--deliver', `file:${output(index)}`, '--health-port', String(health[index])],
      ],
      { folder },
    )
    running.add(receiver)
    void receiver.ended.then(() => running.delete(receiver))
    await untilReady(health[index] ?? 0)
    return receiver
  }
  await Promise.all(hosts.map((_, index) => writeIdentity(index)))
  const receivers = await Promise.all(hosts.map((_, index) => startReceiver(index)))
  const [killed, hung] = receivers as [Program, Program, Program]

  const sender = startProgram(
    'sender',
    [
      ...['sender', '--hosts', hosts.map((host, i) => `${host}:${ports[i]}`).join(',')],
      ...['--ca', join(folder, 'ca.crt'), '--host', '127.0.0.1', '--health-port', String(all[6])],
    ],
    { folder, stdin: 'pipe' },
  )
  running.add(sender)
  void sender.ended.then(() => running.delete(sender))

  const delivered = (): number => hosts.reduce((sum, _, i) => sum + sizeOf(output(i)), 0)
  const written = writeEvents(sender, events, rate)
  await eventually('events flow to every receiver', () => {
    const idle = hosts.findIndex((_, i) => sizeOf(output(i)) === 0)
    if (idle !== -1) throw new Error(`nothing was delivered to receiver ${idle} yet`)
  })
  const stops = watchForStops(delivered)
  const before = await servedCertificate(health[2] ?? 0)

  killed.child.kill('SIGKILL')
  await killed.ended
  hung.child.kill('SIGSTOP')
  const hungUntil = Date.now() + hangMs
  await writeIdentity(2)
  await startReceiver(0)
  // The hang is part of the input, not a wait for something.
  await delay(Math.max(0, hungUntil - Date.now()))
  hung.child.kill('SIGCONT')
  await written
  const longestStop = stops.end()
  const exitCode = await sender.ended
  const rotated = (await servedCertificate(health[2] ?? 0)) !== before
  return {
    events,
    longestStop,
    rotated,
    exitCode,
    ...check(
      hosts.map((_, i) => output(i)),
      events,
    ),
  }
}

/** One JSON line of about 100 bytes an event, with a running `seq`; keeps to the rate and to the pipe's backpressure. */
async function writeEvents(sender: Program, events: number, rate: number): Promise<void> {
  const { stdin } = sender.child
  if (stdin === null) throw new Error('the sender has no pipe')
  const began = performance.now()
  const step = Math.max(1, Math.round(rate / 100))
  for (let seq = 0; seq < events; seq += step) {
    let block = ''
    for (let i = seq; i < Math.min(seq + step, events); i += 1) {
      block += `{"@timestamp":"2026-01-01T00:00:00.000Z","seq":${i},"message":"the quick brown fox jumps over the lazy dog"}\n`
    }
    if (!stdin.write(block)) await once(stdin, 'drain')
    const ahead = (seq / rate) * 1000 - (performance.now() - began)
    if (ahead > 1) await delay(ahead)
  }
  stdin.end()
}

function watchForStops(delivered: () => number): { end(): number } {
  let longest = 0
  let last = delivered()
  let since = performance.now()
  const look = (): void => {
    const now = delivered()
    longest = Math.max(longest, performance.now() - since)
    if (now === last) return
    last = now
    since = performance.now()
  }
  const timer = setInterval(look, 50)
  return {
    end: () => {
      clearInterval(timer)
      look()
      return Math.round(longest)
    },
  }
}

async function servedCertificate(healthPort: number): Promise<string> {
  return JSON.stringify(
    (
      (await (await fetch(`http://127.0.0.1:${healthPort}/status`)).json()) as {
        identity?: unknown
      }
    ).identity,
  )
}

function check(files: string[], events: number) {
  const seen = new Uint8Array(events)
  let duplicates = 0
  const shares = files.map((file) => {
    let share = 0
    for (const [, digits] of readFileSync(file, 'latin1').matchAll(/^\{.*"seq":(\d+),.*\}$/gm)) {
      const seq = Number(digits)
      if (seen[seq] === 1) duplicates += 1
      seen[seq] = 1
      share += 1
    }
    return share
  })
  const missing = seen.reduce((sum, flag) => sum + (flag === 0 ? 1 : 0), 0)
  return { missing, duplicates, shares }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
