/** Time as a collaborator, and waiting that an abort ends. */

export interface KubeClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once; a timer does not keep the process alive. */
  setTimer(callback: () => void, ms: number): { cancel(): void }
}

export const systemClock: KubeClock = {
  now: () => Date.now(),
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
export function pause(
  clock: Pick<KubeClock, 'setTimer'>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = () => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(done, ms)
    signal?.addEventListener('abort', done)
  })
}

export interface TimeLimit {
  /** Aborted when the time is over, or when the outer signal is. */
  signal: AbortSignal
  /** True where the time was over. */
  expired(): boolean
  /** The time begins anew. */
  extend(ms: number): void
  /** Aborts what still runs under it. */
  end(): void
}

/** By hand and not by AbortSignal.any: many short requests hang on one signal that lives as long as the program. */
export function timeLimit(
  clock: Pick<KubeClock, 'setTimer'>,
  ms: number,
  outer: AbortSignal | undefined,
): TimeLimit {
  const controller = new AbortController()
  let expired = false
  const expire = () => {
    expired = true
    controller.abort()
  }
  const onAbort = () => controller.abort()
  let timer = clock.setTimer(expire, ms)
  if (outer?.aborted === true) controller.abort()
  outer?.addEventListener('abort', onAbort)
  return {
    signal: controller.signal,
    expired: () => expired,
    extend(again) {
      timer.cancel()
      timer = clock.setTimer(expire, again)
    },
    end() {
      timer.cancel()
      outer?.removeEventListener('abort', onAbort)
      controller.abort()
    },
  }
}
