/** One scenario with one algorithm and one seed. */
import { createAgenda, type Agenda } from './agenda.ts'
import { createChance, type Chance } from './chance.ts'
import { createHost, type SimulatedHost } from './host.ts'
import { clockOf, zones, type Scenario } from './scenarios.ts'
import type { SenderObserver, SimulatedSender } from './sender.ts'

/** How a scenario makes its senders. */
export type SenderOf = (
  agenda: Agenda,
  chance: Chance,
  observe: SenderObserver,
  placement: { zone: string; preferSameZone: boolean },
) => SimulatedSender

export interface Outcome {
  /** From ready to acknowledged, ms, ascending; Infinity for what never was. */
  latencies: Float64Array
  /** Jain's index over what healthy hosts acknowledged; 1 is even, 1/n is one host alone. */
  fairness: number
  /** Tries that brought nothing, per thousand batches. */
  wasted: number
  /** Batches that hosts worked off twice, per thousand. */
  twice: number
  /** Acknowledged within the time, a second. */
  throughput: number
  /** Of the watched host: its part of an even share in each second, and the most that it had at once. */
  shares: number[]
  highest: number
}

/** How long after the last batch the rest may come. */
const patience = 120_000

export function simulate(scenario: Scenario, senderOf: SenderOf, seed: number): Outcome {
  const agenda = createAgenda()
  const chance = createChance(seed)
  // Apart, so that both algorithms get the same batches.
  const arriving = createChance(seed + 1_000_000)
  const { rate, serviceMs, concurrency } = scenario
  const from = scenario.from * 1000
  const until = scenario.until * 1000
  const hosts = Array.from({ length: scenario.hosts }, (_, index) =>
    createHost(agenda, chance, {
      id: `host-${index}`,
      zone: `zone-${index % zones}`,
      serviceMs,
      concurrency,
    }),
  )
  const watched = hosts[scenario.watched ?? 0]
  const taken = new Map<SimulatedHost, number>()
  const perSecond: { all: number; watched: number }[] = []
  const latencies: number[] = []
  let offered = 0
  let attempts = 0
  let acknowledged = 0
  let inTime = 0

  const observe: SenderObserver = {
    attempt() {
      attempts += 1
    },
    delivered({ readyAt }, host) {
      const now = agenda.now()
      acknowledged += 1
      if (now >= from && now < until) {
        inTime += 1
        taken.set(host, (taken.get(host) ?? 0) + 1)
        const second = (perSecond[Math.floor((now - from) / 1000)] ??= { all: 0, watched: 0 })
        second.all += 1
        if (host === watched) second.watched += 1
      }
      if (readyAt >= from && readyAt < until) latencies.push(now - readyAt)
    },
  }
  const senders = Array.from({ length: scenario.senders }, (_, index) =>
    senderOf(agenda, chance, observe, {
      zone: `zone-${index % zones}`,
      preferSameZone: scenario.preferSameZone ?? false,
    }),
  )
  function list(listed: readonly SimulatedHost[]): void {
    for (const sender of senders) sender.setHosts(listed)
  }
  let wanted = 0
  function arrivals(sender: SimulatedSender): void {
    agenda.at(agenda.now() + arriving.exponential(1000 / rate), () => {
      const readyAt = agenda.now()
      if (readyAt >= until) return
      offered += 1
      if (readyAt >= from) wanted += 1
      sender.offer({ readyAt })
      arrivals(sender)
    })
  }
  list(hosts.slice(0, scenario.listed ?? hosts.length))
  for (const sender of senders) arrivals(sender)
  agenda.at(from, () => {
    for (const host of hosts) host.highest = 0
  })
  scenario.plan({ hosts, at: clockOf(agenda), list })
  agenda.runUntil(until + patience)

  while (latencies.length < wanted) latencies.push(Number.POSITIVE_INFINITY)
  const counts = hosts
    .filter((_, index) => scenario.healthy(index))
    .map((host) => taken.get(host) ?? 0)
  const served = hosts.reduce((sum, host) => sum + host.served, 0)
  return {
    latencies: Float64Array.from(latencies).toSorted(),
    fairness: fairnessOf(counts),
    wasted: (1000 * (attempts - acknowledged)) / offered,
    twice: (1000 * (served - acknowledged)) / offered,
    throughput: (1000 * inTime) / (until - from),
    shares: perSecond.map((second) => (second.watched / second.all) * scenario.hosts),
    highest: watched?.highest ?? 0,
  }
}

/** R. Jain et al., DEC-TR-301: (Σx)² / (n·Σx²). */
function fairnessOf(counts: readonly number[]): number {
  const sum = counts.reduce((total, count) => total + count, 0)
  const squares = counts.reduce((total, count) => total + count ** 2, 0)
  return squares === 0 ? 0 : sum ** 2 / (counts.length * squares)
}
