/** `logstash-link receiver`: the receiver as a program. */
import { parseReceiverFile } from '../api/sidecar-schema.ts'
import { receiverCommand, receiverFlags } from '../config/receiver.ts'
import { startReceiver } from '../dataplane/receiver/receiver.ts'
import type { Io } from './io.ts'
import { runSidecar } from './sidecar.ts'

/** Exit code 0 when all that was accepted was delivered, 1 when something remains. */
export function runReceiver(args: string[], io: Io): Promise<number> {
  return runSidecar(args, io, {
    program: 'receiver',
    flags: receiverFlags,
    command: receiverCommand(args, io.env),
    parse: parseReceiverFile,
    async start(settings, shared) {
      const receiver = await startReceiver(settings, shared)
      return {
        checks: receiver.checks,
        needs: ['identity', 'clientTrust'],
        status: () => receiver.status(),
        stop: async () => ({ remaining: (await receiver.stop()).undelivered }),
      }
    },
    whatRemains: 'Ended before these events were delivered; their senders keep them',
  })
}
