/** The application behind the three receivers: takes events, is slow, or refuses, as it is told for each of them. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { ReceiverIndex } from './schedule.ts'

export interface Mood {
  /** Before the body is read, ms. */
  delayMs: number
  /** Answered in place of taking anything. */
  status?: number
}

export interface Application {
  url(receiver: ReceiverIndex): string
  mood(receiver: ReceiverIndex, next: Mood): void
  close(): Promise<void>
}

export const wellDisposed: Mood = { delayMs: 0 }

/** `took` hears of each line once it counts as taken, which is before the answer. */
export async function startApplication(options: {
  address: string
  port: number
  took(this: void, line: string): void
}): Promise<Application> {
  const { address, port, took } = options
  const moods: Record<ReceiverIndex, Mood> = { 0: wellDisposed, 1: wellDisposed, 2: wellDisposed }

  async function handle(request: IncomingMessage): Promise<number> {
    const { delayMs, status } = moods[Number(request.url?.slice(1)) as ReceiverIndex]
    // Unread, its body fills the windows of the connection: a slow reader rather than a slow answer.
    if (delayMs > 0) await delay(delayMs)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (status !== undefined) return status
    const lines = Buffer.concat(chunks).toString('utf8').split('\n')
    if (lines.pop() !== '') return 400
    if (lines.some((line) => line.includes('"poison":true'))) return 400
    for (const line of lines) took(line)
    return 200
  }

  const server = createServer((request, response) => {
    handle(request).then(
      (status) => {
        if (status === 429) response.setHeader('retry-after', 1)
        response.writeHead(status, { 'content-length': 0 }).end()
      },
      // A receiver that was killed in the middle of its request.
      () => response.destroy(),
    )
  })
  server.listen(port, address)
  await once(server, 'listening')
  return {
    url: (receiver) => `http://${address}:${port}/${receiver}`,
    mood(receiver, next) {
      moods[receiver] = next
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
