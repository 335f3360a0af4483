/** What happens to hosts and senders. Times in seconds where the name does not say ms. */
import type { Agenda } from './agenda.ts'
import type { Mode, SimulatedHost } from './host.ts'

export interface Scenario {
  name: string
  hosts: number
  senders: number
  /** Batches a second of each sender. */
  rate: number
  serviceMs: number
  /** Batches that a host works on at once. */
  concurrency: number
  /** Batches that were ready within this time count. */
  from: number
  until: number
  /** Hosts that are listed from the beginning; the scenario's own change may list others. */
  listed?: number
  /** Hosts of whom an even share may be expected all the time, by index. */
  healthy: (index: number) => boolean
  /** Senders know zones and prefer their own. */
  preferSameZone?: boolean
  /** For the share of one host over time. */
  watched?: number
  plan: (world: World) => void
}

export interface World {
  hosts: readonly SimulatedHost[]
  /** Calls at that second. */
  at: (second: number, call: () => void) => void
  list: (hosts: readonly SimulatedHost[]) => void
}

export const zones = 3

/** 40 % of what ten hosts can do, the batches of eight workers 1.8 on average. */
const usual = {
  hosts: 10,
  senders: 10,
  rate: 80,
  serviceMs: 20,
  concurrency: 4,
  from: 10,
  until: 70,
}
const few = { ...usual, hosts: 3, senders: 3 }
const allButFirst = (index: number): boolean => index > 0
const all = (): boolean => true

function becomes(index: number, mode: Mode, from: number, until: number): Scenario['plan'] {
  return ({ hosts, at }) => {
    at(from, () => hosts[index]?.become(mode))
    at(until, () => hosts[index]?.become('up'))
  }
}

function slow({ hosts, at }: World): void {
  at(10, () => {
    for (const host of hosts.slice(0, 1)) host.slowness = 10
  })
}

function flapping({ hosts, at }: World): void {
  for (let second = 10; second < 70; second += 10) {
    at(second, () => hosts[0]?.become('down'))
    at(second + 5, () => hosts[0]?.become('up'))
  }
}

export const scenarios: readonly Scenario[] = [
  { ...usual, name: 'all well', healthy: all, plan: () => {} },
  { ...few, name: 'all well, 3 hosts', healthy: all, plan: () => {} },
  { ...few, name: 'all well, 3 hosts at 85 %', rate: 170, healthy: all, plan: () => {} },
  { ...usual, name: 'one of 10 is 10 times slower', healthy: allButFirst, plan: slow },
  { ...few, name: 'one of 3 is 10 times slower', healthy: allButFirst, plan: slow },
  {
    ...usual,
    name: 'one of 10 is a black hole',
    healthy: allButFirst,
    plan: becomes(0, 'hang', 10, 70),
  },
  {
    ...few,
    name: 'one of 3 is a black hole',
    healthy: allButFirst,
    plan: becomes(0, 'hang', 10, 70),
  },
  {
    ...usual,
    name: 'a black hole, 100 senders with 2 a second',
    senders: 100,
    rate: 2,
    healthy: allButFirst,
    plan: becomes(0, 'hang', 10, 70),
  },
  {
    ...few,
    name: 'a black hole among 3, 50 senders with 1 a second',
    senders: 50,
    rate: 1,
    healthy: allButFirst,
    plan: becomes(0, 'hang', 10, 70),
  },
  {
    ...few,
    name: 'one of 3 busy ones is a black hole',
    rate: 110,
    healthy: allButFirst,
    plan: becomes(0, 'hang', 10, 70),
  },
  {
    ...few,
    name: 'packets to one of 3 vanish',
    healthy: allButFirst,
    plan: becomes(0, 'drop', 10, 70),
  },
  { ...few, name: 'one of 3 flaps, 5 s each', healthy: allButFirst, plan: flapping },
  {
    ...usual,
    name: 'three of 10 answer 429 for 30 s',
    healthy: (index) => index > 2,
    plan(world) {
      for (let index = 0; index < 3; index += 1) becomes(index, 'reject', 10, 40)(world)
    },
  },
  {
    ...usual,
    name: '3 hosts become 30',
    hosts: 30,
    listed: 3,
    senders: 30,
    rate: 16,
    until: 40,
    healthy: all,
    plan: ({ hosts, at, list }) => at(10, () => list(hosts)),
  },
  {
    ...usual,
    name: 'a host returns to 200 senders',
    senders: 200,
    rate: 5,
    healthy: allButFirst,
    watched: 0,
    plan: becomes(0, 'down', 10, 30),
  },
  {
    ...usual,
    name: 'rolling restart, 5 s each',
    until: 100,
    healthy: all,
    plan(world) {
      for (let index = 0; index < 10; index += 1) {
        becomes(index, 'down', 12 + 8 * index, 17 + 8 * index)(world)
      }
    },
  },
  {
    ...usual,
    name: 'own zone preferred, one zone is down for 20 s',
    hosts: 12,
    senders: 12,
    healthy: (index) => index % zones > 0,
    preferSameZone: true,
    plan(world) {
      for (let index = 0; index < 12; index += zones) becomes(index, 'down', 10, 30)(world)
    },
  },
  {
    ...usual,
    name: '1,000 senders, 100 hosts, a zone vanishes for 40 s',
    hosts: 100,
    senders: 1000,
    rate: 4,
    until: 60,
    healthy: (index) => index % zones > 0,
    plan(world) {
      for (let index = 0; index < 100; index += zones) becomes(index, 'drop', 10, 50)(world)
    },
  },
]

/** Calls at the scenario's seconds. */
export function clockOf(agenda: Agenda): World['at'] {
  return (second, call) => agenda.at(second * 1000, call)
}
