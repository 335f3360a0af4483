/** A dead-letter store that keeps what it is given in the ledger, unless its disk is full. */
import type { DeadLetters } from '../../src/dataplane/dead-letter/dead-letters.ts'
import { TransientError } from '../../src/errors.ts'
import type { Life } from './clock.ts'
import type { Ledger } from './ledger.ts'

export function simulatedDeadLetters(
  life: Life,
  ledger: Ledger,
  isFull: () => boolean,
): DeadLetters {
  return {
    async keep(letters) {
      await life.time.sleep(2)
      if (!life.isAlive()) return new Promise(() => undefined)
      if (isFull()) throw new TransientError('LSL_DEAD_LETTER_FAILED', ['dead-letters', 'ENOSPC'])
      for (const { event } of letters) ledger.buried(event)
    },
    status: () => ({ kept: 0, bytes: 0, dropped: 0 }),
    close: () => Promise.resolve(),
  }
}
