/**
 * Simulated time. Whatever is due happens one thing after the other, the microtasks of each before the next; between two
 * things no time passes for anyone. What falls on the same moment happens in the order in which it was asked for.
 */
import type { Time } from '../../src/dataplane/time.ts'

/** One life of a process: its timers die with it. */
export interface Life {
  time: Time
  isAlive(this: void): boolean
  end(): void
  /** Called once, at the end. */
  onEnd(call: () => void): void
}

export interface Clock {
  now(this: void): number
  after(this: void, ms: number, call: () => void): void
  begin(): Life
  /** The wall clock jumps by so many ms. */
  jump(ms: number): void
  /** Until `isDone`, which is asked after each step, or the time limit: then false. */
  run(isDone: () => boolean, limit: number): Promise<boolean>
  steps(): number
}

interface Due {
  at: number
  order: number
  call: (() => void) | undefined
}

const wallStart = Date.parse('2026-11-22T10:00:00Z')
/** Steps that are handed to Node's loop in one go; it drains the microtasks after each. */
const batch = 64

export function createClock(): Clock {
  const heap: Due[] = []
  let now = 0
  let order = 0
  let steps = 0
  let skew = 0

  function schedule(ms: number, call: () => void): Due {
    const due = { at: now + Math.max(0, ms), order: (order += 1), call }
    push(heap, due)
    return due
  }

  function begin(): Life {
    let alive = true
    let ends: (() => void)[] = []
    const after: Time['after'] = (ms, call) => {
      const due = schedule(ms, () => {
        if (alive) call()
      })
      return () => {
        due.call = undefined
      }
    }
    return {
      isAlive: () => alive,
      end() {
        alive = false
        const called = ends
        ends = []
        for (const call of called) call()
      },
      onEnd(call) {
        ends.push(call)
      },
      time: {
        now: () => now,
        date: () => new Date(wallStart + now + skew),
        after,
        sleep: (ms, signal) =>
          new Promise((resolve) => {
            const callOff = after(ms, resolve)
            signal?.addEventListener('abort', () => {
              callOff()
              if (alive) resolve()
            })
          }),
      },
    }
  }

  /** False when nothing is due any more. */
  function step(): boolean {
    for (;;) {
      const due = pop(heap)
      if (due === undefined) return false
      if (due.call === undefined) continue
      now = Math.max(now, due.at)
      steps += 1
      due.call()
      return true
    }
  }

  return {
    now: () => now,
    steps: () => steps,
    begin,
    after: (ms, call) => void schedule(ms, call),
    jump(ms) {
      skew += ms
    },
    run: (isDone, limit) =>
      new Promise((resolve, reject) => {
        let over = false
        let queued = 0

        function one(): void {
          queued -= 1
          if (over) return
          try {
            if (isDone()) end(true)
            else if (now > limit || !step()) end(false)
          } catch (error) {
            over = true
            reject(error instanceof Error ? error : new Error(String(error)))
          }
          if (!over && queued === 0) more()
        }

        function end(done: boolean): void {
          over = true
          resolve(done)
        }

        function more(): void {
          queued = batch
          for (let i = 0; i < batch; i += 1) setImmediate(one)
        }
        more()
      }),
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** A binary heap, the next one first. */
function push(heap: Due[], due: Due): void {
  let at = heap.length
  heap.push(due)
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent] as Due
    if (!isBefore(due, above)) break
    heap[at] = above
    at = parent
  }
  heap[at] = due
}

function pop(heap: Due[]): Due | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = at * 2 + 1
    const left = heap[child]
    if (left === undefined) break
    const right = heap[child + 1]
    let least = left
    if (right !== undefined && isBefore(right, left)) {
      child += 1
      least = right
    }
    if (!isBefore(least, last)) break
    heap[at] = least
    at = child
  }
  heap[at] = last
  return first
}
