/** Ctrl-C and SIGTERM for programs that have others to end: the first asks for an orderly end, the second for a hard one. */

interface EndingSignals {
  first: Promise<NodeJS.Signals>
  /** What to do before the process exits with 130 at the second signal. */
  onSecond(action: () => void): void
  forget(): void
}

/**
 * So soon after the first, ms, a second is the same one: Ctrl-C reaches the whole group of processes, and who started us on
 * an older Node (bin/node.js) passes it on besides.
 */
const echo = 300

/** @param now ms, monotonic */
export function endingSignals(now: () => number = () => performance.now()): EndingSignals {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let firstAt: number | undefined
  let hard: (() => void) | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = now()
      return resolve(signal)
    }
    if (now() - firstAt < echo) return
    hard?.()
    process.exit(130)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    first: promise,
    onSecond(action) {
      hard = action
    },
    forget() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
