/** Simulated time: what is to happen, in the order of its times; equal times in the order in which they were asked for. */

export interface Agenda {
  /** ms. */
  now(this: void): number
  at(this: void, time: number, call: () => void): void
  /** Runs everything up to that time, that included. */
  runUntil(this: void, end: number): void
}

interface Entry {
  time: number
  order: number
  call: () => void
}

export function createAgenda(): Agenda {
  // A binary heap; a run has millions of entries.
  const heap: Entry[] = []
  let now = 0
  let order = 0

  function add(entry: Entry): void {
    let index = heap.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, entry)) break
      heap[index] = above
      index = parent
    }
    heap[index] = entry
  }

  function takeFirst(): Entry | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      let least = left
      if (right !== undefined && isBefore(right, left)) {
        least = right
        child += 1
      }
      if (isBefore(last, least)) break
      heap[index] = least
      index = child
    }
    heap[index] = last
    return first
  }

  return {
    now: () => now,
    at(time, call) {
      add({ time: Math.max(time, now), order: (order += 1), call })
    },
    runUntil(end) {
      for (let next = heap[0]; next !== undefined && next.time <= end; next = heap[0]) {
        takeFirst()
        now = next.time
        next.call()
      }
      now = end
    },
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}
