/** Time as a collaborator, so that tests decide what time it is. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once; a timer does not keep the process alive. */
  setTimer(callback: () => void, ms: number): Timer
}

export interface Timer {
  cancel(): void
}

export const realClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
