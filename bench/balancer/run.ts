/**
 * `npm run bench:balancer`: our balancer beside the real output's way of choosing a host, on simulated time. Prints a
 * table, writes JSON to bench/results.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createOurSender } from './our-sender.ts'
import { costOfPick } from './pick-cost.ts'
import { createRealOutput } from './real-output.ts'
import { scenarios, type Scenario } from './scenarios.ts'
import { simulate, type Outcome, type SenderOf } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    /** A part of the names of those to run. */
    only: { type: 'string', default: '' },
  },
})
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)

const algorithms: Record<string, SenderOf> = {
  real: (agenda, _chance, observe) => createRealOutput(agenda, observe),
  ours: (agenda, chance, observe, placement) =>
    createOurSender(agenda, chance, observe, { coolOff: 60_000, ...placement }),
}

interface Row {
  scenario: string
  algorithm: string
  p50: number
  p99: number
  'p99.9': number
  max: number
  fairness: number
  'wasted ‰': number
  'twice ‰': number
  'batches/s': number
}

const rows: Row[] = []
const returns: object[] = []
for (const scenario of scenarios.filter(({ name }) => name.includes(values.only))) {
  for (const [algorithm, senderOf] of Object.entries(algorithms)) {
    const outcomes = seeds.map((seed) => simulate(scenario, senderOf, seed))
    rows.push(rowOf(scenario, algorithm, outcomes))
    if (scenario.watched !== undefined) returns.push(returnOf(algorithm, outcomes))
  }
}
console.table(rows)
console.table(returns)
const picks = costOfPick()
console.table(picks)

mkdirSync(new URL('../results/', import.meta.url), { recursive: true })
const file = new URL(`../results/balancer-${new Date().toISOString()}.json`, import.meta.url)
writeFileSync(
  file,
  `${JSON.stringify({ seeds, node: process.version, rows, returns, picks }, null, 2)}\n`,
)

function rowOf({ name }: Scenario, algorithm: string, outcomes: readonly Outcome[]): Row {
  const latencies = Float64Array.from(outcomes.flatMap((each) => [...each.latencies])).toSorted()
  const mean = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((sum, each) => sum + of(each), 0) / outcomes.length
  return {
    scenario: name,
    algorithm,
    p50: Math.round(quantile(latencies, 0.5)),
    p99: Math.round(quantile(latencies, 0.99)),
    'p99.9': Math.round(quantile(latencies, 0.999)),
    max: Math.round(quantile(latencies, 1)),
    fairness: Number(mean(({ fairness }) => fairness).toFixed(3)),
    'wasted ‰': Number(mean(({ wasted }) => wasted).toFixed(2)),
    'twice ‰': Number(mean(({ twice }) => twice).toFixed(2)),
    'batches/s': Math.round(mean(({ throughput }) => throughput)),
  }
}

/** Of a host that is down from second 0 to 20: its part of an even share in some seconds, the most that it had at once. */
function returnOf(algorithm: string, outcomes: readonly Outcome[]): object {
  const at = (second: number): number =>
    Number(
      (
        outcomes.reduce((sum, { shares }) => sum + (shares[second] ?? 0), 0) / outcomes.length
      ).toFixed(2),
    )
  return {
    algorithm,
    ...Object.fromEntries(
      [0, 10, 19, 20, 21, 22, 23, 25, 30, 40, 59].map((second) => [`${second} s`, at(second)]),
    ),
    'most at once': Math.max(...outcomes.map(({ highest }) => highest)),
  }
}

function quantile(ascending: Float64Array, part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? 0
}
