/** What happened in a run, as a hash that two runs of one seed must share, and as lines for whoever looks at one seed. */
export interface Trace {
  /** `what` and what it is about; numbers and names only. */
  (what: string, ...about: (string | number)[]): void
}

export interface Traced {
  trace: Trace
  hash(): string
}

export function createTrace(now: () => number, say?: (line: string) => void): Traced {
  let hash = 0x811c9dc5

  function add(text: string): void {
    for (let i = 0; i < text.length; i += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    }
  }

  return {
    trace(what, ...about) {
      const line = `${now().toFixed(3)} ${what} ${about.join(' ')}`
      add(line)
      say?.(line)
    },
    hash: () => (hash >>> 0).toString(16).padStart(8, '0'),
  }
}
