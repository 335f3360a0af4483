/** Our balancer, driven as src/dataplane/sender/dispatcher.ts drives it; a batch is a whole, and none is refused. */
import { createBalancer, type BalancerSettings } from '../../src/dataplane/balancer/balancer.ts'
import { defaultTimeouts } from '../../src/dataplane/sender/timeouts.ts'
import type { Agenda } from './agenda.ts'
import type { Chance } from './chance.ts'
import type { Ending, Kept, SimulatedHost } from './host.ts'
import type { Batch, SenderObserver, SimulatedSender } from './sender.ts'

/** As in dispatcher.ts and outcome.ts, ms. */
const pauseAfterReset = 100
const retryAfter = 1_000

export function createOurSender(
  agenda: Agenda,
  chance: Chance,
  observe: SenderObserver,
  settings: BalancerSettings,
): SimulatedSender {
  const { now } = agenda
  const balancer = createBalancer(settings)
  const waiting: Batch[] = []
  const retries: { batch: Batch; avoid: string }[] = []
  const hosts = new Map<string, { host: SimulatedHost; kept: Kept }>()
  const done = new WeakSet<Batch>()
  let wakes = 0

  function pump(): void {
    for (;;) {
      const retry = retries[0]
      if (retry === undefined && waiting.length === 0) return
      const startedAt = now()
      const pick = balancer.pick(startedAt, retry?.avoid)
      if ('waitUntil' in pick) return wake(pick.waitUntil)
      const batch = retry ? retries.shift()?.batch : waiting.shift()
      if (batch) attempt(batch, pick.host, startedAt, true)
    }
  }

  function wake(time: number): void {
    const mine = (wakes += 1)
    if (time === Number.POSITIVE_INFINITY) return
    agenda.at(time, () => {
      if (mine === wakes) pump()
    })
  }

  function attempt(batch: Batch, id: string, startedAt: number, mayRepeat: boolean): void {
    const target = hosts.get(id)
    if (target === undefined) return settle(batch, id, startedAt, 'refused')
    const { host, kept } = target
    observe.attempt()
    const request = { ended: false }
    if (mayRepeat) second(batch, id, startedAt, request)
    host.send(kept, defaultTimeouts, (ending) => {
      request.ended = true
      if (ending === 'delivered') delivered(batch, host)
      if (ending !== 'reset' || !mayRepeat) return settle(batch, id, startedAt, ending)
      agenda.at(now() + pauseAfterReset, () => {
        kept.idle = 0
        attempt(batch, id, startedAt, false)
      })
    })
  }

  function delivered(batch: Batch, host: SimulatedHost): void {
    if (done.has(batch)) return
    done.add(batch)
    observe.delivered(batch, host)
  }

  /** To a second host too, when the first is silent for too long. */
  function second(batch: Batch, id: string, startedAt: number, request: { ended: boolean }): void {
    const look = (time: number): void => {
      if (time === Number.POSITIVE_INFINITY) return
      agenda.at(time, () => {
        if (request.ended || done.has(batch)) return
        const pick = balancer.pickSecond(id, startedAt, now())
        if ('waitUntil' in pick) return look(pick.waitUntil)
        attempt(batch, pick.host, now(), true)
      })
    }
    look(startedAt + 1000)
  }

  function settle(batch: Batch, id: string, startedAt: number, ending: Ending): void {
    if (ending === 'delivered') balancer.succeeded(id, startedAt, now())
    else {
      if (!done.has(batch)) retries.push({ batch, avoid: id })
      if (ending === '429') balancer.paused(id, startedAt, now(), now() + retryAfter)
      else balancer.failed(id, startedAt, now(), chance.uniform())
    }
    pump()
  }

  return {
    offer(batch) {
      waiting.push(batch)
      pump()
    },
    setHosts(list) {
      for (const host of list) {
        if (!hosts.has(host.id)) hosts.set(host.id, { host, kept: { idle: 0 } })
      }
      balancer.setHosts(list, chance.uniform())
      pump()
    },
  }
}
