/** `logstash-link sender`: the sender as a program. */
import { parseSenderFile } from '../api/sidecar-schema.ts'
import { senderCommand, senderFlags } from '../config/sender.ts'
import { startSender } from '../dataplane/sender/sender.ts'
import type { Io } from './io.ts'
import { runSidecar } from './sidecar.ts'
import { version } from './version.ts'

/** Exit code 0 when everything was acknowledged, 1 when anything remains. */
export function runSender(args: string[], io: Io): Promise<number> {
  return runSidecar(args, io, {
    program: 'sender',
    flags: senderFlags,
    command: senderCommand(args, io.env, process.pid),
    parse: parseSenderFile,
    async start(settings, shared) {
      const sender = await startSender(settings, {
        ...shared,
        input: io.stdin,
        version,
      })
      return {
        checks: sender.checks,
        needs: ['security'],
        status: () => sender.status(),
        done: sender.drained,
        stop: () => sender.stop({ graceMs: shared.grace }),
      }
    },
    whatRemains: 'Ended before these events were acknowledged',
  })
}
