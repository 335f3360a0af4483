/** A disk that hangs must not keep a program from ending. */
import type { Log } from '../../telemetry/log.ts'
import type { Time } from '../time.ts'

/** How long closing may take after the grace is over, ms. */
export const closeLimit = 5_000

/** Resolves once `close` has, or after `closeLimit`, which is said in the log; rejects where `close` does before that. */
export async function closeInTime(
  close: () => Promise<void>,
  { time, log }: { time: Time; log: Pick<Log, 'error'> },
): Promise<void> {
  const patience = new AbortController()
  const isLate = await Promise.race([
    close().then(() => false),
    time.sleep(closeLimit, patience.signal).then(() => true),
  ]).finally(() => patience.abort())
  if (!isLate) return
  log.error(
    { limitMs: closeLimit },
    'Closing takes too long, as when a disk hangs: what is not safe yet is left as it is',
  )
}
