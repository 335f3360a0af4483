import assert from 'node:assert/strict'
import test from 'node:test'
import { capturedLog } from '../../support/log.ts'
import { senderSettings, startTestSender } from '../../support/senders.ts'

test('a changed type or directory of the queue is not followed, and the log says that it needs a restart', async (t) => {
  const { log, lines } = capturedLog()
  const sender = await startTestSender(t, [], {}, { log })
  const { queue } = senderSettings()
  const said = (): unknown[] =>
    lines
      .filter(({ msg }) => msg.includes('queue.type or queue.directory needs a restart'))
      .map(({ wanted }) => wanted)
  sender.change({ queue: { ...queue, onFull: 'DropOldest' } })
  assert.deepEqual(said(), [])
  sender.change({ queue: { ...queue, type: 'Disk', directory: '/var/queue' } })
  assert.deepEqual(said(), [{ type: 'Disk', directory: '/var/queue' }])
})
