/**
 * Ten times what the application takes, from end to end, with real processes:
 *
 *   producers ─ http, tcp ─▶ sender ─▶ receiver ─▶ an application that takes `rate` events a second, and answers 429
 *
 * The memory of both processes is read after each tenth of the time.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { freePorts } from './free-ports.ts'
import { metric, startProgram, untilReady } from './programs.ts'

export interface PressureOptions {
  seconds: number
  /** Events a second that the application takes. */
  rate: number
  /** Of the sender; the flag's own form. */
  queueSize: string
}

export interface PressureResult {
  /** MiB, after each tenth of the time. */
  tenths: { sender: number; receiver: number }[]
  /** Events: what producers wanted to send, what was acknowledged to them by HTTP, and what TCP took. */
  offered: number
  acknowledged: number
  streamed: number
  /** Answers 429 of collect.http, seconds in which the TCP socket was paused, and answers 429 of the receiver. */
  told429: number
  pausedSeconds: number
  receiver429: number
  /** Acknowledged or streamed, and not at the application in the end. */
  missing: number
  /** Came more than once. */
  repeated: number
}

const perRequest = 200
const filling = 'x'.repeat(200)

export async function runPressure(options: PressureOptions): Promise<PressureResult> {
  const { seconds, rate, queueSize } = options
  const [receiverPort = 0, receiverHealth = 0, senderHealth = 0, httpPort = 0, tcpPort = 0] =
    await freePorts(5)
  const folder = mkdtempSync(join(tmpdir(), 'logstash-link-pressure-'))
  const application = await startLimitedApplication(rate)
  const receiver = startProgram(
    'receiver',
    [
      ...['receiver', '--host', '127.0.0.1', '--port', String(receiverPort), '--no-tls'],
      ...['--deliver', application.url, '--health-port', String(receiverHealth)],
      ...['--dead-letter-dir', join(folder, 'receiver')],
    ],
    { folder },
  )
  const sender = startProgram(
    'sender',
    [
      ...['sender', '--hosts', `127.0.0.1:${receiverPort}`, '--no-tls'],
      ...['--http', String(httpPort), '--tcp', String(tcpPort), '--queue-size', queueSize],
      ...['--health-port', String(senderHealth), '--dead-letter-dir', join(folder, 'sender')],
    ],
    { folder },
  )
  try {
    await Promise.all([untilReady(receiverHealth), untilReady(senderHealth)])
    const end = performance.now() + seconds * 1000
    const producers = [
      // Half of it by each way.
      ...Array.from({ length: 4 }, (_, i) => produceHttp(httpPort, `h${i}`, end, (10 * rate) / 8)),
      produceTcp(tcpPort, 't', end, (10 * rate) / 2),
    ]
    const tenths: PressureResult['tenths'] = []
    for (let i = 1; i <= 10; i += 1) {
      await delay(end - (seconds * 1000 * (10 - i)) / 10 - performance.now())
      tenths.push({ sender: residentOf(sender.pid), receiver: residentOf(receiver.pid) })
    }
    application.hurry()
    const ends = await Promise.all(producers)
    await eventually(
      'the queue is empty',
      async () => {
        if ((await metric(senderHealth, 'logstash_link_sender_queue_events')) > 0) {
          throw new Error('events are left')
        }
      },
      { limitMs: 120_000, everyMs: 100 },
    )
    const sum = (of: (each: ProducerEnd) => number): number =>
      ends.reduce((total, each) => total + of(each), 0)
    const answers = await (await fetch(`http://127.0.0.1:${receiverHealth}/metrics`)).text()
    const wanted = ends.flatMap(({ name, numbers }) => numbers.map((number) => `${name}:${number}`))
    return {
      tenths,
      offered: sum(({ offered }) => offered),
      acknowledged: sum(({ name, numbers }) => (name === 't' ? 0 : numbers.length)),
      streamed: sum(({ name, numbers }) => (name === 't' ? numbers.length : 0)),
      told429: sum(({ told429 }) => told429),
      pausedSeconds: sum(({ pausedMs }) => pausedMs) / 1000,
      receiver429: Number(/requests_total\{.*code="429".*\} (\d+)/.exec(answers)?.[1] ?? 0),
      missing: wanted.filter((id) => !application.counts.has(id)).length,
      repeated: [...application.counts.values()].filter((count) => count > 1).length,
    }
  } finally {
    for (const program of [sender, receiver]) {
      program.child.kill('SIGKILL')
      await program.ended
    }
    await application.close()
    rmSync(folder, { recursive: true })
  }
}

/** MiB that a process has in memory now. */
function residentOf(pid: number): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1024)
}

async function startLimitedApplication(rate: number) {
  const counts = new Map<string, number>()
  let tokens = rate / 10
  let at = performance.now()
  let isHurrying = false

  function mayTake(events: number): boolean {
    const now = performance.now()
    tokens = Math.min(rate, tokens + (rate * (now - at)) / 1000)
    at = now
    if (!isHurrying && tokens <= 0) return false
    tokens -= events
    return true
  }

  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1)
      if (!mayTake(lines.length)) {
        response.writeHead(429, { 'retry-after': '1', 'content-length': '0' }).end()
        return
      }
      for (const line of lines) {
        const id = line.slice(7, line.indexOf('"', 7))
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      response.writeHead(200, { 'content-length': '0' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** By the id of each event. */
    counts,
    /** Takes everything from now on. */
    hurry() {
      isHurrying = true
    },
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface ProducerEnd {
  name: string
  offered: number
  numbers: number[]
  told429: number
  pausedMs: number
}

function body(name: string, first: number): string {
  const lines = Array.from(
    { length: perRequest },
    (_, i) => `{"id":"${name}:${first + i}","x":"${filling}"}\n`,
  )
  return lines.join('')
}

/** Sends what is due at `rate`, and what was refused again and again. */
async function produceHttp(
  port: number,
  name: string,
  end: number,
  rate: number,
): Promise<ProducerEnd> {
  const agent = new http.Agent({ keepAlive: true })
  const numbers: number[] = []
  const began = performance.now()
  let told429 = 0
  let next = 0
  while (performance.now() < end) {
    const due = began + (next / rate) * 1000 - performance.now()
    if (due > 0) await delay(due)
    const text = body(name, next)
    for (;;) {
      const status = await post(port, agent, text)
      if (status === 200) break
      if (status === 429) told429 += 1
      await delay(100)
    }
    for (let i = 0; i < perRequest; i += 1) numbers.push(next + i)
    next += perRequest
  }
  agent.destroy()
  const offered = Math.round((rate * (end - began)) / 1000)
  return { name, offered, numbers, told429, pausedMs: 0 }
}

function post(port: number, agent: http.Agent, text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson' }
    const options = { agent, host: '127.0.0.1', port, method: 'POST', headers }
    const request = http.request(options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0))
    })
    request.once('error', reject)
    request.end(text)
  })
}

async function produceTcp(
  port: number,
  name: string,
  end: number,
  rate: number,
): Promise<ProducerEnd> {
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  const numbers: number[] = []
  const began = performance.now()
  let pausedMs = 0
  let next = 0
  while (performance.now() < end) {
    const due = began + (next / rate) * 1000 - performance.now()
    if (due > 0) await delay(due)
    const paused = performance.now()
    if (!socket.write(body(name, next))) {
      await Promise.race([once(socket, 'drain'), delay(end - paused)])
      pausedMs += performance.now() - paused
    }
    for (let i = 0; i < perRequest; i += 1) numbers.push(next + i)
    next += perRequest
  }
  socket.end()
  await once(socket, 'close')
  const offered = Math.round((rate * (end - began)) / 1000)
  return { name, offered, numbers, told429: 0, pausedMs }
}

/** The largest of some figures by the smallest, of the second half: before, queues and heaps fill to their bounds. */
export function growthOf(figures: readonly number[]): number {
  const settled = figures.slice(figures.length >> 1)
  return Math.max(...settled) / Math.min(...settled)
}
