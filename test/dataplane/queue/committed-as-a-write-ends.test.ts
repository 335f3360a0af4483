import assert from 'node:assert/strict'
import test from 'node:test'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { DiskQueue } from '../../../src/dataplane/queue/disk/types.ts'
import { createCrashingDisk } from '../../support/crashing-disk.ts'
import { manualTime, settled } from '../../support/manual-time.ts'

// Whoever waits for room goes on a few turns of the promise queue after it was told, and the writer ends in one of them.
for (const turns of [0, 1, 2, 3, 4, 5]) {
  test(`what is committed ${turns} turns after a write is written though nothing comes after it`, async () => {
    const told: string[] = []
    const opened: { queue?: DiskQueue<string> } = {}
    const commit = (owner: string): void => {
      const body = Buffer.from(`{"owner":"${owner}"}\n`)
      opened.queue?.commit([{ body, count: 1 }], 0, owner)
    }
    opened.queue = await openDiskQueue<string>({
      directory: '/queue',
      disk: createCrashingDisk({ random: () => 0 }).start(),
      time: manualTime(),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      settings: { maxSize: 1024 * 1024, onFull: 'Block' },
      newId: () => 'sender',
      listener: {
        settled({ done }) {
          told.push(...done)
          if (done.includes('first')) void after(turns).then(() => commit('second'))
        },
        changed: () => undefined,
      },
    })
    commit('first')
    await settled()
    assert.deepEqual(told, ['first', 'second'])
    await opened.queue.close()
  })
}

async function after(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
}
