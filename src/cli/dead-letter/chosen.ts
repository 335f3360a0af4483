/** The dead letters that a command line means, and those that it cannot mean. */
import type { DeadLetterChoice } from '../../config/dead-letter-command.ts'
import type {
  DeadLetterSnapshot,
  ReadDeadLetter,
} from '../../dataplane/dead-letter/read-dead-letters.ts'
import { readReplayed, type Replayed } from '../../dataplane/dead-letter/replayed.ts'

export interface ChosenOptions {
  choice: Pick<DeadLetterChoice, 'reason' | 'since'>
  /** A line that has to be skipped, and where it stands. */
  onDamaged(this: void, what: string): void
  /** Each letter, whether it is meant or not. */
  onSeen?: (this: void, letter: ReadDeadLetter) => void
}

/** In the order of the files, without those that were replayed before. */
export async function* chosenLetters(
  snapshot: DeadLetterSnapshot,
  { choice, onDamaged, onSeen }: ChosenOptions,
): AsyncGenerator<ReadDeadLetter, void, void> {
  const replayed = new Map<string, Replayed>()
  for await (const read of snapshot.read()) {
    if (!('letter' in read)) {
      onDamaged(read.damaged)
      continue
    }
    const { letter } = read
    onSeen?.(letter)
    const marks = replayed.get(letter.marks) ?? (await readReplayed(letter.marks))
    replayed.set(letter.marks, marks)
    if (!marks.has(letter.digest) && isMeant(letter, choice)) yield letter
  }
}

function isMeant(letter: ReadDeadLetter, { reason, since }: ChosenOptions['choice']): boolean {
  if (reason !== undefined && !letter.reason.includes(reason)) return false
  return since === undefined || Date.parse(letter.time) >= since
}
