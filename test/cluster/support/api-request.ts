/** Plain JSON requests to the test cluster's API server as its administrator, without a kubectl process for each. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { KubeObject } from '../../../src/api/objects.ts'

interface ApiAnswer {
  status: number
  body: string
}

export interface Api {
  /** Resolves with whatever is answered; rejects when nobody answers. */
  ask(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer>
  /** The object that is answered. Rejects with what the API server says where it refuses. */
  object<T = KubeObject>(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<T>
  close(): void
}

export function createApi({
  url,
  ca,
  cert,
  key,
}: {
  url: string
  ca: string
  cert: string
  key: string
}): Api {
  const [caPem, certPem, keyPem] = [ca, cert, key].map((file) => readFileSync(file))
  const agent = new Agent({ ca: caPem, cert: certPem, key: keyPem, keepAlive: true })
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ) => {
    const content = body === undefined ? '' : JSON.stringify(body)
    const asked = httpsRequest(new URL(path, url), {
      method,
      agent,
      timeout: 30_000,
      headers: {
        accept: 'application/json',
        'content-type': contentType,
        // Node leaves it out with DELETE, and the body is not read.
        'content-length': Buffer.byteLength(content),
      },
    })
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path} was not answered`)))
    asked.end(content)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return { status: answer.statusCode ?? 0, body: await text(answer) }
  }
  return {
    ask,
    async object<T>(method: string, path: string, body?: unknown, contentType?: string) {
      const answer = await ask(method, path, body, contentType)
      if (answer.status >= 300) {
        throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body}`)
      }
      return JSON.parse(answer.body) as T
    },
    close: () => agent.destroy(),
  }
}
