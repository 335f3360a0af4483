/** At most so many deliveries at once; the others wait, each until its deadline. */
import { systemTime, type Time } from '../../time.ts'
import { outOfTime, type DeliveryResult } from './deliverer.ts'

export interface Turns {
  /** What has not begun by the deadline is withdrawn: nothing of it was delivered. */
  run(deadline: number, work: () => Promise<DeliveryResult>): Promise<DeliveryResult>
  /** Resolves when nothing is under way or waiting. */
  idle(): Promise<void>
}

export function createTurns(limit: number, time: Time = systemTime): Turns {
  const waiting = new Set<() => void>()
  let running = 0
  let onIdle: (() => void)[] = []

  /** The turn goes to the next one as it is, so that nobody can come between. */
  function pass(): void {
    const [first] = waiting
    if (first !== undefined) return first()
    running -= 1
    if (running > 0) return
    for (const listener of onIdle) listener()
    onIdle = []
  }

  /** False when the deadline came first. */
  function turn(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const begin = (): void => {
        callOff()
        waiting.delete(begin)
        resolve(true)
      }
      const callOff = time.after(deadline - time.now(), () => {
        waiting.delete(begin)
        resolve(false)
      })
      waiting.add(begin)
    })
  }

  return {
    async run(deadline, work) {
      if (running < limit) running += 1
      else if (!(await turn(deadline))) return outOfTime
      try {
        return await work()
      } finally {
        pass()
      }
    },
    idle() {
      if (running === 0 && waiting.size === 0) return Promise.resolve()
      return new Promise((resolve) => onIdle.push(resolve))
    },
  }
}
