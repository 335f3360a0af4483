/** The dead letters of a program whose settings may change. One folder never has two writers, whatever changes. */
import { join } from 'node:path'
import type { DeadLetterSettings } from '../../api/sidecar-config.ts'
import { follow, type Followed } from '../files/followed.ts'
import type { Watched } from '../files/watched.ts'
import { openDeadLetters, type DeadLetterDependencies, type DeadLetters } from './dead-letters.ts'

export interface FollowDependencies extends Omit<DeadLetterDependencies, 'maxSize' | 'isLost'> {
  /** Which part of the folder is ours where programs share it: several pods on one claim. */
  slot?: { name: string; isLost(this: void): boolean } | undefined
}

/** `current` is undefined where no folder is set. */
export function followDeadLetters(
  settings: Watched<{ deadLetter?: DeadLetterSettings }>,
  { slot, ...dependencies }: FollowDependencies,
): Promise<Followed<DeadLetters | undefined>> {
  let maxSize = settings.current.deadLetter?.maxSize ?? 0
  return follow(
    settings,
    // The bound is asked for with each letter: the writer that counts the folder's bytes stays the same.
    ({ deadLetter }) => deadLetter?.directory ?? null,
    async (directory) =>
      directory === null
        ? undefined
        : openDeadLetters(slot === undefined ? directory : join(directory, slot.name), {
            ...dependencies,
            ...(slot === undefined ? {} : { isLost: slot.isLost }),
            maxSize: () => (maxSize = settings.current.deadLetter?.maxSize ?? maxSize),
          }),
    (letters) => letters?.close(),
    (error) =>
      dependencies.log.error({ err: error }, 'Changed dead-letter settings cannot be taken up'),
  )
}
