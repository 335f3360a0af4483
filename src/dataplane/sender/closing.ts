/** What was opened, to be closed in the opposite order: by `stop`, and where the start fails half-way. */
export interface Closing {
  add(close: () => unknown): void
  /** Closes all of it once, whatever fails on the way; rejects with the first failure. */
  close(): Promise<void>
}

export function createClosing(): Closing {
  let opened: (() => unknown)[] = []

  return {
    add: (close) => void opened.push(close),
    async close() {
      const all = opened.toReversed()
      opened = []
      const failures: unknown[] = []
      for (const close of all) {
        try {
          await close()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
