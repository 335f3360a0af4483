/** Asks a sidecar by HTTP. Its answer is a stranger's: bounded in time and size, and only what is expected is taken. */
import { http } from '../node-http.ts'
import { TransientError } from '../errors.ts'
import type { SidecarStatus } from '../api/sidecar-status.ts'
import type { Ask } from './sampler.ts'

const timeoutMs = 2000
const maxBytes = 64 * 1024
const maxSentence = 512
/** 32 bytes in hexadecimal, with colons. */
const maxFingerprint = 95

/** Rejects with LSL_SIDECAR_UNREACHABLE. */
export const askSidecar: Ask = (ip, port) =>
  new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) =>
      reject(new TransientError('LSL_SIDECAR_UNREACHABLE', [ip, port, reason], { cause }))
    const signal = AbortSignal.timeout(timeoutMs)
    const request = http.get(
      { host: ip, port, path: '/status', signal, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > maxBytes) request.destroy(new Error(`over ${maxBytes} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', (error) => fail(error.message, error))
        response.on('end', () => {
          if (response.statusCode !== 200) return fail(`it answered ${response.statusCode}`)
          try {
            resolve(readStatus(JSON.parse(Buffer.concat(chunks).toString())))
          } catch (error) {
            fail('its answer is no JSON', error)
          }
        })
      },
    )
    request.on('error', (error) => fail(error.message, error))
  })

function readStatus(answer: unknown): SidecarStatus {
  const { problem, oldestEventAge, identity } = { ...(answer as Record<string, unknown> | null) }
  const { fingerprint } = { ...(identity as Record<string, unknown> | null | undefined) }
  return {
    ...(typeof problem === 'string' ? { problem: problem.slice(0, maxSentence) } : {}),
    ...(typeof oldestEventAge === 'number' ? { oldestEventAge } : {}),
    ...(typeof fingerprint === 'string'
      ? { identity: { fingerprint: fingerprint.slice(0, maxFingerprint) } }
      : {}),
  }
}
