/** The applications in front of a sender: those that send requests until each is answered 200, and one that streams. */
import type { Clock } from './clock.ts'
import { isSafe, type Copy, type Ledger } from './ledger.ts'
import type { SenderLife, SimulatedSender } from './sender.ts'
import type { Judge } from './judge.ts'
import type { Trace } from './trace.ts'

/** Events to be sent together: the size of each, and whether it is poison. */
export interface Load {
  at: number
  events: readonly { size: number; poison: boolean }[]
}

export interface Producer {
  /** Requests that are not answered 200 yet, and loads of the stream that are not taken. */
  readonly unfinished: number
  /** Requests of `beat` that are not answered 200 yet; each holds one event. */
  readonly beating: number
  /** One good event in a request of its own, unless many are under way. */
  beat(): void
}

const maxBeating = 10

export function createProducer(deps: {
  sender: SimulatedSender
  requests: readonly Load[]
  stream: readonly Load[]
  /** Events that the sender answered for, in a promise that a restart must not break. */
  promised: Copy[]
  clock: Clock
  ledger: Ledger
  judge: Judge
  trace: Trace
}): Producer {
  const { sender, requests, stream, promised, clock, ledger, judge, trace } = deps
  const { time } = clock.begin()
  let unfinished = requests.length + stream.length
  let beating = 0

  function write({ events }: Load): Copy[] {
    return events.map(({ poison, size }) => ledger.write(poison, size))
  }

  async function running(): Promise<SenderLife> {
    for (;;) {
      const life = sender.current()
      if (life) return life
      await time.sleep(300)
    }
  }

  async function request(load: Load): Promise<void> {
    for (;;) {
      const to = await running()
      const copies = write(load)
      const result = await Promise.race([
        to.committing.commit([ledger.eventsOf(copies)], () => to.accepted.push(...copies)),
        to.died,
      ])
      trace('answered', sender.name, copies[0]?.id ?? -1, result ?? 'died')
      if (result === 'done') {
        if (sender.plan.queue.type === 'Memory' && !copies.every(isSafe)) {
          judge.fail(`${sender.name} answered 200 before all events were safe`)
        }
        promised.push(...copies)
        return
      }
      await time.sleep(1_000)
    }
  }

  /** False when the sender died before it took all of it. */
  async function pour(to: SenderLife, copies: readonly Copy[]): Promise<boolean> {
    const events = ledger.eventsOf(copies)
    while (to.life.isAlive() && !to.intake.mayStream(0)) {
      await Promise.race([to.intake.room(), to.died])
    }
    while (to.life.isAlive()) {
      if (to.intake.offer([events])) {
        to.accepted.push(...copies)
        return true
      }
      await Promise.race([to.intake.room(), to.died])
    }
    return false
  }

  async function flow(): Promise<void> {
    for (const load of stream) {
      await time.sleep(load.at - time.now())
      while (!(await pour(await running(), write(load))));
      unfinished -= 1
    }
  }

  for (const load of requests) {
    clock.after(load.at, () => {
      void request(load).then(() => {
        unfinished -= 1
      })
    })
  }
  void flow()
  return {
    get unfinished() {
      return unfinished
    },
    get beating() {
      return beating
    },
    beat() {
      if (beating >= maxBeating) return
      beating += 1
      void request({ at: 0, events: [{ size: 60, poison: false }] }).then(() => {
        beating -= 1
      })
    },
  }
}
