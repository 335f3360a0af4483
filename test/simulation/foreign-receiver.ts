/**
 * A taker of the same protocol that is not ours: it knows no batch keys, hands its application's refusals on, and has no
 * dead letters.
 */
import type { Application } from './application.ts'
import type { Clock, Life } from './clock.ts'
import type { Host } from './host.ts'
import { isSafe, type Ledger } from './ledger.ts'
import type { Judge } from './judge.ts'
import type { Trace } from './trace.ts'

const patience = 8_000

export function createForeignReceiver(deps: {
  name: string
  application: Application
  clock: Clock
  ledger: Ledger
  judge: Judge
  trace: Trace
}): Host {
  const { name, application, clock, ledger, trace } = deps
  const { fail } = deps.judge
  let life: Life | undefined = clock.begin()
  return {
    name,
    life: () => life,
    async handle({ body }) {
      const here = life
      if (here === undefined) return new Promise(() => undefined)
      const copies = ledger.read(body)
      const reply = await application.post(copies, patience, here)
      if (!here.isAlive()) return new Promise(() => undefined)
      const status = reply.kind === 'answer' ? reply.status : 503
      if (status === 200 && !copies.every(isSafe)) {
        fail(`${name} answered 200 before all events were safe`)
      }
      trace('answer', name, status, body.length)
      return reply.kind === 'answer' && reply.retryAfter !== undefined
        ? { status, retryAfter: reply.retryAfter }
        : { status }
    },
    start() {
      life ??= clock.begin()
    },
    crash() {
      life?.end()
      life = undefined
    },
    setDiskFull: () => undefined,
  }
}
