/** What a seed makes of a run: who takes part, what is sent, and what goes wrong when. */
import { moods, type Mood } from './application.ts'
import type { Load } from './producer.ts'
import type { Random } from './random.ts'
import type { ReceiverPlan } from './receiver.ts'
import { largestRequest, type SenderPlan } from './sender-life.ts'

/** `on` and `of` are indexes of senders and hosts; all last `ms` and are over then. */
export type Fault = { at: number; ms: number } & (
  | { kind: 'sender crashes'; on: number; how: 'process' | 'power' }
  | { kind: 'sender stops' | 'not ready' | 'sender disk full'; on: number }
  | { kind: 'host crashes' | 'host disk full'; of: number }
  | { kind: 'application'; of: number; mood: Exclude<Mood, 'well'> }
  | { kind: 'cut' | 'slow path' | 'resets'; on: number; of: number }
  | { kind: 'other hosts'; on: number; hosts: readonly number[] }
  | { kind: 'clock jumps'; by: number }
)

export interface Plan {
  senders: readonly {
    plan: SenderPlan
    requests: readonly Load[]
    stream: readonly Load[]
    file: readonly Load[]
  }[]
  /** Undefined for a receiver that is not ours. */
  hosts: readonly (ReceiverPlan | undefined)[]
  faults: readonly Fault[]
  /** Until then faults begin and events are sent, ms. */
  duration: number
}

export function createPlan(random: Random): Plan {
  const duration = random.pick([5_000, 20_000, 60_000])
  const poison = random.chance(0.4) ? random.pick([0.01, 0.05, 0.3]) : 0
  const size = random.pick([60, 120, 200])
  const oursOnly = random.chance(0.75)
  const hosts = Array.from({ length: random.int(1, 3) }, () =>
    oursOnly || random.chance(0.5) ? receiverPlan(random, size) : undefined,
  )
  const senders = Array.from({ length: random.int(1, 3) }, () => {
    const own = senderPlan(random, size, poison)
    // Refused by the settings' validation: a file is the buffer.
    const isTailing = own.queue.onFull === 'Block' && random.chance(0.4)
    return {
      plan: own,
      file: isTailing ? loads(random, { count: random.int(1, 12), duration, poison, size }) : [],
      requests: loads(random, { count: random.int(0, 12), duration, poison, size }),
      stream: random.chance(0.7)
        ? loads(random, { count: random.int(1, 12), duration, poison, size })
        : [],
    }
  })
  const count = random.chance(0.15) ? 0 : random.int(1, 14)
  const kinds = random.chance(0.5) ? [random.pick(kindsOfFaults)] : kindsOfFaults
  const faults = Array.from({ length: count }, () => {
    const at = random.between(0, duration)
    const ms = random.pick([50, 500, 3_000, 15_000]) * random.between(0.5, 1.5)
    const on = random.int(0, senders.length - 1)
    const of = random.int(0, hosts.length - 1)
    return { at, ms, ...faultOf(random, random.pick(kinds), on, of, hosts.length) }
  }).toSorted((a, b) => a.at - b.at)
  return { senders, hosts, faults, duration }
}

const kindsOfFaults: readonly Fault['kind'][] = [
  'sender crashes',
  'sender stops',
  'not ready',
  'sender disk full',
  'host crashes',
  'host disk full',
  'application',
  'cut',
  'slow path',
  'resets',
  'other hosts',
  'clock jumps',
]

type FaultOf = Fault extends infer Each
  ? Each extends Fault
    ? Omit<Each, 'at' | 'ms'>
    : never
  : never

function faultOf(
  random: Random,
  kind: Fault['kind'],
  on: number,
  of: number,
  hosts: number,
): FaultOf {
  switch (kind) {
    case 'sender crashes':
      return { kind, on, how: random.pick(['process', 'power']) }
    case 'sender stops':
    case 'not ready':
    case 'sender disk full':
      return { kind, on }
    case 'host crashes':
    case 'host disk full':
      return { kind, of }
    case 'application':
      return { kind, of, mood: random.pick(moods.filter((mood) => mood !== 'well')) }
    case 'other hosts': {
      const listed = Array.from({ length: hosts }, (_, index) => index)
      return { kind, on, hosts: listed.filter((index) => index === of || random.chance(0.5)) }
    }
    case 'clock jumps':
      return { kind, by: random.between(-1, 1) * random.pick([1_000, 3_600_000, 86_400_000]) }
    default:
      return { kind, on, of }
  }
}

function receiverPlan(random: Random, size: number): ReceiverPlan {
  const maxRequest = size * random.pick([3, 10, 50, 1_000])
  return {
    memory: random.pick([maxRequest * 2, maxRequest * 4, size * 20, 1_000_000]),
    maxRequest,
    maxLine: random.chance(0.1) ? size : size * 2,
  }
}

function senderPlan(random: Random, size: number, poison: number): SenderPlan {
  // Where nothing but poison fits, no good event can show that it is the events that are at fault.
  const sizes = poison === 0 ? [8, 30, 100, 1_000] : [100, 1_000]
  const onDisk = random.chance(0.4)
  return {
    queue: {
      type: onDisk ? 'Disk' : 'Memory',
      // Files have heads and come in blocks.
      maxSize: onDisk ? random.pick([20_000, 60_000, 1_000_000]) : size * random.pick(sizes),
      window: poison < 0.1 ? random.pick([1_500, 10_000, 1_000_000]) : 1_000_000,
      onFull: random.chance(0.35) && poison < 0.1 ? 'DropOldest' : 'Block',
    },
    batch: {
      maxEvents: random.pick([1, 5, 20, 100]),
      maxBytes: size * random.pick([2, 8, 30]),
      maxWait: random.pick([0, 50, 500]),
    },
  }
}

function loads(
  random: Random,
  given: { count: number; duration: number; poison: number; size: number },
): Load[] {
  const { count, duration, poison, size } = given
  const bursts = random.chance(0.3)
  return Array.from({ length: count }, () => ({
    at: bursts ? random.pick([0.1, 0.5]) * duration : random.between(0, duration),
    events: Array.from({ length: random.int(1, largestRequest) }, () => ({
      poison: random.chance(poison),
      size: Math.round(size * random.between(0.6, 1.2)),
    })),
  })).toSorted((a, b) => a.at - b.at)
}
