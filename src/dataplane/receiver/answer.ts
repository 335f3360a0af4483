/** What a request is answered, in the manner of the real input: docs/protocol.md has the table. */
import type { ServerResponse } from 'node:http'

export interface Answer {
  status: number
  /** Plain text; absent means an empty body. */
  body?: string
  headers?: Record<string, string>
  /** The connection ends after this answer. */
  close?: boolean
}

/** Exactly what the real input says when all events are safe. */
export const accepted: Answer = {
  status: 200,
  body: 'ok',
  headers: { accept: 'application/x-ndjson' },
}

/** May pass later: a real output retries 429 and 503 without limit. */
export function busy(retryAfterSeconds: number): Answer {
  return { status: 429, headers: { 'retry-after': String(retryAfterSeconds) } }
}

export function unavailable(body: string): Answer {
  return { status: 503, body, headers: { 'retry-after': '1' } }
}

/** Can never succeed: a real output gives up and loses the batch. */
export function refused(status: number, body: string): Answer {
  return { status, body }
}

/** Writes the answer unless the other side has gone. */
export function sendAnswer(response: ServerResponse, answer: Answer, close: boolean): void {
  if (response.headersSent || response.destroyed) return
  const body = answer.body ?? ''
  const headers: Record<string, string | number> = {
    ...answer.headers,
    'content-length': Buffer.byteLength(body),
  }
  if (body !== '') headers['content-type'] = 'text/plain'
  if (answer.close === true || close) headers['connection'] = 'close'
  response.writeHead(answer.status, headers)
  response.end(body)
}
