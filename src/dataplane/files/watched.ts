/** A value that may change while a program runs. */

export interface Watched<T> {
  readonly current: T
  /** Calls back after each change, never at once; the returned function ends that. */
  onChange(listener: (value: T) => void): () => void
}

/** A value that never changes: from flags, or in a test. */
export function fixed<T>(value: T): Watched<T> {
  return { current: value, onChange: () => () => undefined }
}

/** A value that its maker sets anew; listeners hear of it in the order in which they came. */
export function changeable<T>(initial: T): Watched<T> & { set(value: T): void } {
  const listeners = new Set<(value: T) => void>()
  let current = initial
  return {
    get current() {
      return current
    },
    onChange: (listener) => {
      // Each registration is its own, also of one function twice.
      const own = (value: T): void => listener(value)
      listeners.add(own)
      return () => {
        listeners.delete(own)
      }
    },
    set: (value) => {
      current = value
      for (const listener of listeners) listener(value)
    },
  }
}
