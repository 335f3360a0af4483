/**
 * A file that an application appends to, and its tail: the real progress, handover and checkpoints. How rotations are told
 * apart is tested on real files.
 */
import { openCheckpoints } from '../../src/dataplane/sender/collect/files/checkpoints.ts'
import { noFingerprint } from '../../src/dataplane/sender/collect/files/fingerprint.ts'
import { createHandover } from '../../src/dataplane/sender/collect/files/handover.ts'
import { beginning, createProgress } from '../../src/dataplane/sender/collect/files/progress.ts'
import type { TailedFile } from '../../src/dataplane/sender/collect/files/tailed-file.ts'
import type { Log } from '../../src/telemetry/log.ts'
import type { Clock } from './clock.ts'
import { isSafe, type Copy, type Ledger } from './ledger.ts'
import type { Load } from './producer.ts'
import type { Random } from './random.ts'
import type { SenderLife } from './sender-life.ts'
import type { Trace } from './trace.ts'

export interface Tailed {
  /** Tails it until the life ends. */
  follow(by: SenderLife): void
  /** Loads that are not written yet, and lines that are neither at an application nor dead-lettered. */
  unsafe(): number
}

/** ms between looks for what is new. */
const look = 200
const directory = '/checkpoints'
const path = '/var/log/app.log'

export function createTailed(deps: {
  loads: readonly Load[]
  clock: Clock
  random: Random
  ledger: Ledger
  log: Log
  trace: Trace
}): Tailed {
  const { loads, clock, random, ledger, log, trace } = deps
  const written: Copy[] = []
  let unwritten = loads.length
  for (const load of loads) {
    clock.after(load.at, () => {
      for (const event of load.events) written.push(ledger.write({ ...event, streamed: false }))
      unwritten -= 1
    })
  }

  async function tail(by: SenderLife): Promise<void> {
    const { time, isAlive } = by.life
    // A line of the file is one unit of its offsets.
    let reading: Copy[] = []
    const handover = createHandover({
      intake: {
        ...by.intake,
        offer(events, ticket) {
          const taken = by.intake.offer(events, ticket)
          if (taken) {
            by.accepted.push(...reading)
            for (const copy of reading) copy.acceptedAt = clock.now()
          }
          return taken
        },
      },
      collected: {
        finish: (output) => output,
        setAside: () => Promise.resolve(true),
        canSetAside: () => true,
      },
    })
    const checkpoints = await openCheckpoints({
      directory,
      disk: by.disk,
      time,
      log,
      read: () => [
        {
          path,
          device: '1',
          inode: '1',
          fingerprint: noFingerprint,
          size: written.length,
          ...progress.committed,
        },
      ],
    })
    const [known] = checkpoints.loaded
    const progress = createProgress(known ?? beginning)
    trace('tail', progress.committed.offset)
    by.onStop(() => checkpoints.close())
    const file = { path } as TailedFile
    while (isAlive() && by.isTaking()) {
      if (progress.isTorn) progress.restart()
      const { offset } = progress.given
      reading = written.slice(offset, offset + random.int(1, 12))
      if (reading.length === 0) {
        await time.sleep(look)
        continue
      }
      const piece = progress.give({ offset: offset + reading.length, tail: noFingerprint })
      handover.put(file, { events: [ledger.eventsOf(reading)], oversized: [] }, (result) => {
        if (isAlive() && progress.settle(piece, result)) checkpoints.changed()
      })
      while (isAlive() && !handover.tryAgain()) await Promise.race([by.intake.room(), by.died])
      await time.sleep(1)
    }
  }

  return {
    follow: (by) => void tail(by),
    unsafe: () => unwritten + written.filter((copy) => !isSafe(copy)).length,
  }
}
