/** The dead letters of a program whose settings may change. One folder never has two writers, whatever changes. */
import type { DeadLetterSettings } from '../../api/sidecar-config.ts'
import { follow, type Followed } from '../files/followed.ts'
import type { Watched } from '../files/watched.ts'
import { openDeadLetters, type DeadLetterDependencies, type DeadLetters } from './dead-letters.ts'

/** `current` is undefined where no folder is set. */
export function followDeadLetters(
  settings: Watched<{ deadLetter?: DeadLetterSettings }>,
  dependencies: Omit<DeadLetterDependencies, 'maxSize'>,
): Promise<Followed<DeadLetters | undefined>> {
  let maxSize = settings.current.deadLetter?.maxSize ?? 0
  return follow(
    settings,
    // The bound is asked for with each letter: the writer that counts the folder's bytes stays the same.
    ({ deadLetter }) => deadLetter?.directory ?? null,
    async (directory) =>
      directory === null
        ? undefined
        : openDeadLetters(directory, {
            ...dependencies,
            maxSize: () => (maxSize = settings.current.deadLetter?.maxSize ?? maxSize),
          }),
    (letters) => letters?.close(),
    (error) =>
      dependencies.log.error({ err: error }, 'Changed dead-letter settings cannot be taken up'),
  )
}
