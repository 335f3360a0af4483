/** One run: events at a fixed rate through a faulty proxy, counted where they arrive. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { eventually } from '../../test/support/eventually.ts'
import { freePorts } from '../../test/support/free-ports.ts'
import { metric, startProgram, untilReady, type Program } from '../../test/support/programs.ts'
import { startFaultyProxy } from './proxy.ts'

export type Kind = 'ours' | 'ours, header stripped' | 'no memory'

export interface DuplicatesOptions {
  kind: Kind
  folder: string
  events: number
  /** Events a second. */
  rate: number
  /** Probability of each kind of fault for a request. */
  faults: number
  /** Milliseconds between two kills; without it nobody is killed. */
  killEvery?: number
  /** Then it is killed in turn with the receiver: it tails a file, and its queue is on the disk. */
  killSender?: boolean
}

export async function runDuplicates(options: DuplicatesOptions) {
  const { kind, events, rate, faults, killEvery, killSender = false } = options
  const folder = mkdtempSync(join(options.folder, 'run-'))
  const input = join(folder, 'input.ndjson')
  const [receiverPort = 0, receiverHealth = 0, senderHealth = 0] = await freePorts(3)
  const application = await startCounter(events)
  const random = randomOf(7)
  const proxy = await startFaultyProxy({
    probability: faults,
    target: () => (kind === 'no memory' ? application.port : receiverPort),
    stripKey: kind === 'ours, header stripped',
    random,
  })
  const startReceiver = (): Program =>
    startProgram(
      'receiver',
      [
        ...['receiver', '--host', '127.0.0.1', '--port', String(receiverPort), '--no-tls'],
        ...['--deliver', `http://127.0.0.1:${application.port}/`],
        ...['--health-port', String(receiverHealth), '--dead-letter-dir', join(folder, 'r')],
      ],
      { folder },
    )
  let receiver = kind === 'no memory' ? undefined : startReceiver()
  if (receiver !== undefined) await untilReady(receiverHealth)
  writeFileSync(input, '')
  const startTail = (): Program =>
    startProgram(
      'sender',
      [
        ...['sender', '--hosts', `127.0.0.1:${proxy.port}`, '--no-tls', '--batch-events', '100'],
        ...['--file', input, '--queue-dir', join(folder, 'queue')],
        ...['--health-port', String(senderHealth), '--dead-letter-dir', join(folder, 's')],
      ],
      { folder },
    )
  let sender = startTail()
  let kills = 0
  let ended = false

  async function killAndStart(): Promise<void> {
    for (;;) {
      await delay(killEvery)
      if (ended) return
      kills += 1
      if (killSender && kills % 2 === 0) {
        sender.child.kill('SIGKILL')
        await sender.ended
        sender = startTail()
        await untilReady(senderHealth)
      } else if (receiver === undefined) application.reset()
      else {
        receiver.child.kill('SIGKILL')
        await receiver.ended
        receiver = startReceiver()
        await untilReady(receiverHealth)
      }
    }
  }
  const killing = killEvery === undefined ? Promise.resolve() : killAndStart()
  try {
    await untilReady(senderHealth)
    await write(input, events, rate)
    await eventually(
      'all events arrived',
      () => {
        if (application.result().missing > 0) throw new Error('some are missing')
      },
      { limitMs: 180_000, everyMs: 200 },
    ).catch((error: unknown) => console.error(error))
    ended = true
    await killing
    // What is sent again now was lost on the way back.
    await eventually('the queue is empty', async () => {
      if ((await metric(senderHealth, 'logstash_link_sender_queue_events')) > 0) {
        throw new Error('events are left')
      }
    })
    const { missing, repeated } = application.result()
    return {
      receiver: kind,
      kills,
      'of senders': killSender ? Math.floor(kills / 2) : 0,
      events,
      ...proxy.counts,
      missing,
      repeated,
      'repeated in a million': Math.round((repeated / events) * 1e6),
    }
  } finally {
    ended = true
    for (const program of [sender, receiver]) {
      program?.child.kill('SIGKILL')
      await program?.ended
    }
    await proxy.close()
    await application.close()
  }
}

async function write(path: string, events: number, rate: number): Promise<void> {
  const began = performance.now()
  const step = Math.max(1, Math.round(rate / 100))
  for (let next = 0; next < events; next += step) {
    const due = began + (next / rate) * 1000 - performance.now()
    if (due > 0) await delay(due)
    const count = Math.min(step, events - next)
    const lines = Array.from({ length: count }, (_, i) => `{"seq":${next + i}}\n`)
    await appendFile(path, lines.join(''))
  }
}

/** Takes everything, compressed or not, and counts each sequence number. */
async function startCounter(events: number) {
  const counts = new Uint16Array(events)
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const isGzip = request.headers['content-encoding'] === 'gzip'
      const text = (isGzip ? gunzipSync(body) : body).toString()
      for (const [, seq] of text.matchAll(/"seq":(\d+)/g)) {
        const place = Number(seq)
        counts[place] = (counts[place] ?? 0) + 1
      }
      response.writeHead(200, { 'content-length': '0' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    /** All its connections end at once, as when it is killed. */
    reset: () => server.closeAllConnections(),
    result: () => ({
      missing: counts.filter((count) => count === 0).length,
      repeated: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    }),
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Numbers from 0 to 1; the same seed gives the same ones. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}
