/**
 * A receiver or a sender's collect.http as a process of its own, whose memory can be measured. Arguments: the role, and
 * the application's URL or the receiver's port. Sends its port; any message is answered by the peak of its memory, bytes.
 */
import { fixed } from '../../src/dataplane/files/watched.ts'
import { startReceiver } from '../../src/dataplane/receiver/receiver.ts'
import { startSender } from '../../src/dataplane/sender/sender.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { silentLog } from './log.ts'
import { receiverSettings } from './receiver.ts'
import { senderSettings } from './senders.ts'

const [role = '', target = ''] = process.argv.slice(2)
const deps = { log: silentLog(), registry: createMetrics({ program: 'memory' }), env: {} }

async function start(): Promise<number | undefined> {
  if (role === 'receiver') {
    const settings = receiverSettings({ deliver: { type: 'http', url: target } })
    return (await startReceiver(fixed(settings), deps)).port
  }
  const settings = senderSettings({
    hosts: { list: [{ host: '127.0.0.1', port: Number(target) }] },
    collect: { stdin: false, http: { port: 0 } },
  })
  return (await startSender(fixed(settings), deps)).ports.http
}

process.send?.(await start())
process.on('message', () => process.send?.(process.resourceUsage().maxRSS * 1024))
process.on('disconnect', () => process.exit())
