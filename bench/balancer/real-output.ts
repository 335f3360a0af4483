/**
 * The real `logstash` output (integration 1.0.4, as measured): a worker carries one batch to its end, back-off included.
 * For each attempt the hosts are sorted by the later of their last error's second and a minute ago, then by requests in
 * flight, then by last start.
 */
import type { Agenda } from './agenda.ts'
import type { ClientLimits, Kept, SimulatedHost } from './host.ts'
import type { Batch, SenderObserver, SimulatedSender } from './sender.ts'

/** Its default is the number of cores. */
const workers = 8
const limits: ClientLimits = { connect: 10_000, response: 10_000 }
const memory = 60_000
const firstPause = 100
const longestPause = 30_000

interface Known {
  host: SimulatedHost
  kept: Kept
  lastError: number
  inFlight: number
  lastStart: number
}

export function createRealOutput(agenda: Agenda, observe: SenderObserver): SimulatedSender {
  const { now } = agenda
  const waiting: Batch[] = []
  let hosts: Known[] = []
  let starts = 0
  let busy = 0

  function work(): void {
    if (busy >= workers) return
    const batch = waiting.shift()
    if (batch === undefined) return
    busy += 1
    attempt(batch, firstPause)
  }

  function attempt(batch: Batch, pause: number): void {
    const known = first()
    if (known === undefined) return agenda.at(now() + pause, () => attempt(batch, pause))
    known.inFlight += 1
    known.lastStart = starts += 1
    observe.attempt()
    known.host.send(known.kept, limits, (ending) => {
      known.inFlight -= 1
      if (ending === 'delivered') {
        observe.delivered(batch, known.host)
        busy -= 1
        return work()
      }
      known.lastError = now()
      agenda.at(now() + pause, () => attempt(batch, Math.min(2 * pause, longestPause)))
    })
  }

  function first(): Known | undefined {
    const aMinuteAgo = now() - memory
    const error = ({ lastError }: Known) =>
      Math.max(Math.floor(lastError / 1000) * 1000, aMinuteAgo)
    let best = hosts[0]
    for (const each of hosts) {
      if (best === undefined) break
      const order =
        error(each) - error(best) ||
        each.inFlight - best.inFlight ||
        each.lastStart - best.lastStart
      if (order < 0) best = each
    }
    return best
  }

  return {
    offer(batch) {
      waiting.push(batch)
      work()
    },
    setHosts(list) {
      hosts = list.map(
        (host) =>
          hosts.find((each) => each.host === host) ?? {
            host,
            kept: { idle: 0 },
            lastError: Number.NEGATIVE_INFINITY,
            inFlight: 0,
            lastStart: 0,
          },
      )
    },
  }
}
