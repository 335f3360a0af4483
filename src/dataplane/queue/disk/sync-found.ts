/**
 * A process that was killed within a write leaves whole records that were not synced, or a file whose name was not. The
 * next life can read and send them, while a loss of power would still take them: so it syncs whatever it takes.
 */
import { messageOf } from '../../../errors.ts'
import type { QueueLog } from './trouble.ts'

/** Never rejects: a disk that refuses it keeps no event from being sent. `path` is for the log. */
export async function syncFound(
  log: QueueLog,
  path: string,
  sync: () => Promise<void>,
): Promise<void> {
  try {
    await sync()
  } catch (error) {
    log.warn(
      { problem: messageOf(error), path },
      'What an earlier life left in the queue cannot be synced: a loss of power may take the last of it',
    )
  }
}
