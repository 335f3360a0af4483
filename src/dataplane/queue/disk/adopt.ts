/**
 * Brings the events of a slot whose sender is gone into the queue of this one: each batch is acknowledged there once it is
 * safe here, so that a crash on the way repeats some and loses none.
 */
import type { Time } from '../../time.ts'
import type { Events } from '../../wire/events.ts'
import { openDiskQueue } from './disk-queue.ts'
import type { DiskQueueDeps } from './types.ts'

export interface AdoptDeps
  extends Pick<
    DiskQueueDeps<never>,
    'directory' | 'disk' | 'log' | 'newId' | 'observe' | 'settings'
  > {
  time: Time
  /** Resolves true once the events are safe, false when they cannot be taken now. */
  give(this: void, events: Events): Promise<boolean>
  signal: AbortSignal
}

const batch = { maxEvents: 10_000, maxBytes: 2 ** 20, maxWait: 0 }
const windowBytes = 2 * 2 ** 20
const pause = 1_000

/** Resolves with the number of events that were taken over, once none is left or the signal aborts. */
export async function adopt({ time, give, signal, ...deps }: AdoptDeps): Promise<number> {
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  // What waits for a disk that refuses must not keep the program from ending.
  const { promise: ended, resolve: end } = Promise.withResolvers<false>()
  const stop = (): void => {
    changed()
    end(false)
  }
  signal.addEventListener('abort', stop)
  const orphan = await openDiskQueue<never>({
    ...deps,
    time,
    window: windowBytes,
    listener: { settled: () => undefined, changed },
  })
  let adopted = 0
  try {
    while (!signal.aborted && orphan.totals().events > 0) {
      const { promise } = wake
      const cut = orphan.cut(batch)
      if (cut === undefined) {
        await promise
        continue
      }
      while (!signal.aborted && !(await Promise.race([give(cut.events), ended])))
        await time.sleep(pause, signal)
      if (signal.aborted) break
      orphan.acknowledge(cut)
      adopted += cut.events.count
    }
  } finally {
    signal.removeEventListener('abort', stop)
    await orphan.close()
  }
  return adopted
}
