/** Readiness of a sender: collecting, with hosts and what TLS needs, and delivering. Nothing probes it (see the injection). */
import type { Checks } from '../../telemetry/health.ts'
import { problemOf, type StatusInput } from './status.ts'

export function senderChecks(read: () => StatusInput): Checks {
  return {
    live: { process: () => ({ ok: true, message: 'The process answers' }) },
    ready: {
      collect: () => ({ ok: true, message: 'Events are collected' }),
      hosts() {
        const { hosts, bookProblem } = read()
        return {
          ok: hosts.length > 0,
          message: bookProblem ?? `${hosts.length} hosts are known`,
        }
      },
      security() {
        const { canSend, securityProblem } = read()
        return {
          ok: canSend,
          message: securityProblem ?? 'TLS files and credentials are there',
        }
      },
      delivery() {
        const problem = problemOf(read())
        return { ok: problem === undefined, message: problem ?? 'Events are delivered' }
      },
    },
  }
}
