/** The jobs that a cluster does after a write has been answered: delivery of watch events, garbage collection. */

export interface Background {
  /** Jobs run one after another in the order in which they came, never inside the caller's turn. */
  add(job: () => void): void
  /** Resolves when nothing is left to do, what the jobs themselves added included. */
  settled(): Promise<void>
}

export function createBackground(): Background {
  let waiting: (() => void)[] = []
  let scheduled = false

  const run = () => {
    const jobs = waiting
    waiting = []
    scheduled = false
    for (const job of jobs) {
      try {
        job()
      } catch (error) {
        // Handlers must not throw: loud, and without a loss for the other watchers.
        setImmediate(() => {
          throw error
        })
      }
    }
  }

  return {
    add(job) {
      waiting.push(job)
      if (scheduled) return
      scheduled = true
      setImmediate(run)
    },
    settled: () =>
      new Promise((resolve) => {
        const look = () => (scheduled ? setImmediate(look) : resolve())
        look()
      }),
  }
}
