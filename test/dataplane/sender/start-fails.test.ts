import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import test from 'node:test'
import type { SenderSettings } from '../../../src/api/sidecar-config.ts'
import { changeable } from '../../../src/dataplane/files/watched.ts'
import { startSender } from '../../../src/dataplane/sender/sender.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { testFolder } from '../../support/certificates.ts'
import { freePorts } from '../../support/free-ports.ts'
import { silentLog } from '../../support/log.ts'
import { senderSettings, startTestSender } from '../../support/senders.ts'

test('a sender that cannot start leaves nothing open: the next attempt has its ports and its slot of the queue', async (t) => {
  const folder = testFolder(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const [http = 0] = await freePorts(1)
  const changes: Partial<SenderSettings> = {
    queue: { type: 'Disk', directory: folder.path('queue'), maxSize: 2 ** 20, onFull: 'Block' },
    deadLetter: { directory: folder.path('dead'), maxSize: 2 ** 20 },
    collect: { stdin: false, http: { port: http }, tcp: { port } },
  }
  const listeners = new Set<unknown>()
  const settings = changeable(senderSettings(changes))
  const counted = {
    get current() {
      return settings.current
    },
    onChange(hear: Parameters<typeof settings.onChange>[0]) {
      const end = settings.onChange(hear)
      listeners.add(hear)
      return () => {
        listeners.delete(hear)
        end()
      }
    },
  }
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const started = startSender(counted, {
      log: silentLog(),
      registry: createMetrics({ program: 'sender' }),
      env: {},
    })
    await assert.rejects(started, { code: 'LSL_LISTEN_FAILED' })
    assert.equal(listeners.size, 0)
  }
  taken.close()
  await once(taken, 'close')
  const sender = await startTestSender(t, [], changes)
  assert.deepEqual(sender.ports, { http, tcp: port })
  assert.deepEqual(readdirSync(folder.path('queue')), ['slot-0'])
})
