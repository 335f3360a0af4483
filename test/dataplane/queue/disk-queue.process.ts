/**
 * A process that writes to a queue on the machine's disk and says on stdout which events are safe, until it is killed:
 *   disk-queue.process.ts write DIRECTORY FROM MAX-SIZE    prints `safe <n>` for each event
 *   disk-queue.process.ts slot DIRECTORY                   takes a slot, prints its folder, and holds it
 */
import { hostname } from 'node:os'
import { createRealDisk } from '../../../src/dataplane/disk/real-disk.ts'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import { openQueue } from '../../../src/dataplane/sender/open-queue.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { silentLog } from '../../support/log.ts'

const [, , what, directory = '', from = '0', maxSize = '0'] = process.argv
const disk = createRealDisk()
const newId = (): string => `sender-${process.pid}-${process.hrtime.bigint()}`
const observe = { synced: () => undefined, corrupt: () => undefined, lost: () => undefined }

if (what === 'slot') {
  const opened = await openQueue({
    settings: { type: 'Disk', directory, maxSize: 2 ** 20, onFull: 'Block' },
    ...{ disk, time: systemTime, log: silentLog(), newId, observe },
    listener: { settled: () => undefined, changed: () => undefined },
  })
  console.log(`${hostname()} ${opened.checkpoints}`)
  setInterval(() => undefined, 1_000)
} else {
  const queue = await openDiskQueue<number>({
    directory,
    disk,
    time: systemTime,
    log: { ...console, info: () => undefined },
    settings: { maxSize: Number(maxSize), onFull: 'Block' },
    newId,
    listener: {
      settled({ done }) {
        if (done.length > 0) process.stdout.write(done.map((n) => `safe ${n}\n`).join(''))
      },
      changed: () => undefined,
    },
  })
  let next = Number(from)
  let saidFull = false
  const write = (): void => {
    for (let burst = 0; burst < 20; burst += 1) {
      const event = { body: Buffer.from(`{"seq":${next},"pad":"${'x'.repeat(300)}"}\n`), count: 1 }
      if (queue.commit([event], systemTime.now(), next).result === 'full') {
        if (!saidFull) process.stdout.write(`full ${queue.problem() ?? 'by its bound'}\n`)
        saidFull = true
        break
      }
      next += 1
    }
    setTimeout(write, 1)
  }
  write()
}
