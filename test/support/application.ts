/** The application behind a receiver: an HTTP server that keeps what it takes, and answers as it is told. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ApplicationAnswer {
  status: number
  headers?: Record<string, string>
}

export interface TestApplication {
  url: string
  port: number
  /** Lines of the batches that were answered 2xx, in their order. */
  taken: string[]
  /** Bodies of all requests, whatever their answer. */
  bodies: string[]
  headers: Record<string, string | string[] | undefined>[]
  /** Replaces how the next batches are answered; default 200. */
  answer(rule: Rule): void
}

type Rule = (lines: string[]) => ApplicationAnswer | Promise<ApplicationAnswer>

const takesAll: Rule = () => ({ status: 200 })

export async function startApplication(t: {
  after(done: () => void): void
}): Promise<TestApplication> {
  let rule = takesAll
  const taken: string[] = []
  const bodies: string[] = []
  const headers: TestApplication['headers'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      const lines = body.split('\n').slice(0, -1)
      bodies.push(body)
      headers.push(request.headers)
      void Promise.resolve(rule(lines)).then(({ status, headers: answered = {} }) => {
        if (status >= 200 && status < 300) taken.push(...lines)
        response.writeHead(status, { 'content-length': 0, ...answered })
        response.end()
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/events`,
    port,
    taken,
    bodies,
    headers,
    answer: (next) => {
      rule = next
    },
  }
}
