/** Ctrl-C and SIGTERM for programs that have others to end: the first asks for an orderly end, the second for a hard one. */

interface EndingSignals {
  first: Promise<NodeJS.Signals>
  /** What to do before the process exits with 130 at the second signal. */
  onSecond(action: () => void): void
  forget(): void
}

export function endingSignals(): EndingSignals {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let count = 0
  let hard: (() => void) | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    count += 1
    if (count === 1) return resolve(signal)
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
