/** Whoever wants to know of a change. */
export interface Listeners {
  /** The returned function ends it. */
  add: (listener: () => void) => () => void
  tell: () => void
}

export function createListeners(): Listeners {
  const listeners = new Set<() => void>()
  return {
    add(listener) {
      // Of its own, so that one function may listen twice.
      const own = (): void => listener()
      listeners.add(own)
      return () => {
        listeners.delete(own)
      }
    },
    tell() {
      for (const listener of listeners) listener()
    },
  }
}
