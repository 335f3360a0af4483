/** A part of the program that is made anew whenever its part of the settings changes. */
import type { Watched } from './watched.ts'

export interface Followed<T> {
  readonly current: T
  /** Resolves when every change so far is taken up or reported. */
  settled(): Promise<void>
  close(): Promise<void>
}

/**
 * `open` gets the part of the settings that `select` takes, `retire` what is replaced, after its successor is in place.
 * Equal parts (as JSON) change nothing. Errors of `open` after the start go to `onError` and keep what there is.
 */
export async function follow<S, P, T>(
  settings: Watched<S>,
  select: (settings: S) => P,
  open: (part: P) => T | Promise<T>,
  retire: (value: T) => void | Promise<void>,
  onError: (error: unknown) => void,
): Promise<Followed<T>> {
  let known = JSON.stringify(select(settings.current))
  let current = await open(select(settings.current))
  let turn = Promise.resolve()

  async function renew(part: P): Promise<void> {
    const digest = JSON.stringify(part)
    if (digest === known) return
    const replaced = current
    current = await open(part)
    known = digest
    await retire(replaced)
  }

  const stopListening = settings.onChange((changed) => {
    turn = turn.then(() => renew(select(changed))).catch(onError)
  })
  return {
    get current() {
      return current
    },
    settled: () => turn,
    async close() {
      stopListening()
      await turn
      await retire(current)
    },
  }
}
