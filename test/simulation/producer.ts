/** The applications in front of a sender: those that send requests until each is answered 200, and one that streams. */
import type { Clock } from './clock.ts'
import { isSafe, type Copy, type Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { SenderLife } from './sender-life.ts'
import type { SimulatedSender } from './sender.ts'
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

const maxBeating = 2

export function createProducer(deps: {
  sender: SimulatedSender
  requests: readonly Load[]
  stream: readonly Load[]
  /** Events that the sender answered for, in a promise that a restart must not break. */
  promised: Set<Copy>
  clock: Clock
  random: Random
  ledger: Ledger
  judge: Judge
  trace: Trace
}): Producer {
  const { sender, requests, stream, promised, clock, random, ledger, judge, trace } = deps
  const { time } = clock.begin()
  let unfinished = requests.length + stream.length
  let beating = 0

  function write({ events }: Load, streamed: boolean): Copy[] {
    return events.map((event) => ledger.write({ ...event, streamed }))
  }

  function accepted(by: SenderLife, copies: readonly Copy[]): void {
    by.accepted.push(...copies)
    for (const copy of copies) copy.acceptedAt = clock.now()
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
      const copies = write(load, false)
      const result = await Promise.race([
        to.committing.commit([ledger.eventsOf(copies)], () => accepted(to, copies)),
        to.died,
      ])
      trace('answered', sender.name, copies[0]?.id ?? -1, result ?? 'died')
      if (result === 'done') {
        if (sender.plan.queue.type === 'Memory' && !copies.every(isSafe)) {
          judge.fail(`${sender.name} answered 200 before all events were safe`)
        }
        for (const copy of copies) promised.add(copy)
        return
      }
      await time.sleep(random.between(500, 4_000))
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
        accepted(to, copies)
        return true
      }
      await Promise.race([to.intake.room(), to.died])
    }
    return false
  }

  async function flow(): Promise<void> {
    for (const load of stream) {
      await time.sleep(load.at - time.now())
      while (!(await pour(await running(), write(load, true))));
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
