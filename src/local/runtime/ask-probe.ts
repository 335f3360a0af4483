/** Asks a probe once: an HTTP request, a connection, or a command. */
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { once } from 'node:events'
import { http } from '../../node-http.ts'
import { messageOf } from '../../errors.ts'
import type { Container, Probe } from '../pod.ts'
import type { AskProbe } from './probes.ts'

/** @param run runs a command in the container's place; resolves with its exit code. */
export function probeAsker(
  container: Container,
  ip: string,
  run: (command: string[], signal: AbortSignal) => Promise<number>,
): AskProbe {
  const portOf = (port: number | string): number => {
    const named = (container.ports ?? []).find((each) => each.name === port)?.containerPort
    return named ?? Number(port)
  }
  return async (probe, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout((probe.timeoutSeconds ?? 1) * 1000)])
    try {
      if (probe.httpGet) {
        const { host = ip, port } = probe.httpGet
        return await askHttp(probe.httpGet, host, portOf(port), limit)
      }
      if (probe.tcpSocket) {
        const { host = ip, port } = probe.tcpSocket
        const socket = connect({ host, port: portOf(port), signal: limit })
        try {
          await once(socket, 'connect')
        } finally {
          socket.destroy()
        }
        return undefined
      }
      const code = await run(probe.exec?.command ?? [], limit)
      return code === 0 ? undefined : `the command ended with code ${code}`
    } catch (error) {
      return limit.aborted && !signal.aborted ? 'no answer in time' : messageOf(error)
    }
  }
}

function askHttp(
  { path = '/', scheme, httpHeaders = [] }: NonNullable<Probe['httpGet']>,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]))
  // The kubelet verifies no certificate of a probe either.
  const options = { host, port, path, headers, signal, agent: false, rejectUnauthorized: false }
  const request = (scheme === 'HTTPS' ? httpsRequest : http.request)(options)
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', (response) => {
      const status = response.statusCode ?? 0
      response.resume()
      response.once('error', reject)
      response.once('end', () =>
        resolve(status >= 200 && status < 400 ? undefined : `HTTP status ${status}`),
      )
    })
    request.end()
  })
}
