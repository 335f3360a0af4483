/**
 * Connections between senders and hosts, as the sender's pool sees them: kept ones that may be dead, requests and answers
 * that come late or not at all, and requests that arrive after nobody waits for them any more.
 *
 *   dial ──▶ request ──▶ host ──▶ answer
 *    │3 s      │ reset before or after the host had it; held up by a partition; 10 s in all
 */
import { maxInFlight } from '../../src/dataplane/balancer/balancer.ts'
import type { Reply } from '../../src/dataplane/http/exchange.ts'
import { defaultTimeouts } from '../../src/dataplane/sender/timeouts.ts'
import type { Clock, Life } from './clock.ts'
import type { Host, Request, Response } from './host.ts'
import type { Judge } from './judge.ts'
import type { Random } from './random.ts'

/** How one sender reaches one host now. */
export interface Path {
  cut: boolean
  /** ms each way. */
  latency: number
  /** Chance of a reset before the host had the request, and after. */
  resetBefore: number
  resetAfter: number
}

export const goodPath: Path = { cut: false, latency: 2, resetBefore: 0, resetAfter: 0 }

export interface SimulatedPool {
  send(request: Request, options: { fresh: boolean }): Promise<Reply>
}

/** A connection to one life of a host. */
interface Connection {
  host: Life
}

/** While a path is cut, this often it is tried again, ms. */
const retransmit = 400

export function createPool(deps: {
  life: Life
  host: Host
  path: Path
  clock: Clock
  random: Random
  judge: Judge
}): SimulatedPool {
  const { life, host, path, clock, random } = deps
  const { fail: blame } = deps.judge
  let idle: Connection[] = []
  let inFlight = 0

  /** Over the path one way: later while it is cut. */
  function carry(arrived: () => void): void {
    if (path.cut) clock.after(retransmit, () => carry(arrived))
    else clock.after(path.latency * random.between(0.5, 3), arrived)
  }

  function kept(): Connection | undefined {
    for (;;) {
      const connection = idle.pop()
      // Of those that ended on the other side some are not known to have.
      if (connection === undefined || connection.host.isAlive() || random.chance(0.5)) {
        return connection
      }
    }
  }

  function exchange(request: Request, resolve: (reply: Reply) => void): void {
    let over = false
    let gone: (() => void)[] = []
    const onGone = (call: () => void): (() => void) => {
      gone.push(call)
      return () => {
        gone = gone.filter((each) => each !== call)
      }
    }

    function end(reply: Reply): void {
      if (over) return
      over = true
      // A dead sender hears of nothing; the host hears that nobody waits.
      if (life.isAlive()) resolve(reply)
      carry(() => {
        const called = gone
        gone = []
        for (const call of called) call()
      })
    }

    function fail(cause: 'unreachable' | 'timeout' | 'reset', reused: boolean): void {
      end({ kind: 'failure', cause, message: cause, reused })
    }

    function answered(response: Response, connection: Connection, reused: boolean): void {
      if (random.chance(path.resetAfter)) return fail('reset', reused)
      carry(() => {
        if (over) return
        idle.push(connection)
        const { status, retryAfter } = response
        end({ kind: 'answer', status, retryAfter })
      })
    }

    function transmit(connection: Connection, reused: boolean): void {
      clock.after(defaultTimeouts.response, () => fail('timeout', reused))
      carry(() => {
        // Given up, yet the bytes may be on their way still.
        if (over && random.chance(0.5)) return
        if (!connection.host.isAlive()) {
          // Some of the dead say so.
          if (random.chance(0.8)) carry(() => fail('reset', reused))
          return
        }
        if (random.chance(path.resetBefore)) return carry(() => fail('reset', reused))
        if (random.chance(path.resetAfter)) {
          clock.after(random.between(0, 50), () => fail('reset', reused))
        }
        connection.host.onEnd(() => {
          if (random.chance(0.8)) carry(() => fail('reset', reused))
        })
        void host.handle(request, onGone).then((response) => answered(response, connection, reused))
      })
    }

    life.onEnd(() => end({ kind: 'failure', cause: 'reset', message: 'died', reused: false }))
    const connection = kept()
    if (connection !== undefined) return transmit(connection, true)
    clock.after(defaultTimeouts.connect, () => {
      if (!dialled) fail('timeout', false)
    })
    let dialled = false
    carry(() => {
      const there = host.life()
      if (over) return
      dialled = true
      if (there === undefined) fail('unreachable', false)
      else transmit({ host: there }, false)
    })
  }

  return {
    send(request, { fresh }) {
      if (!life.isAlive()) return new Promise(() => undefined)
      if (fresh) idle = []
      inFlight += 1
      if (inFlight > maxInFlight) {
        blame(`${inFlight} requests at once at ${host.name}`)
      }
      return new Promise((resolve) => {
        exchange(request, (reply) => {
          inFlight -= 1
          resolve(reply)
        })
      })
    },
  }
}
