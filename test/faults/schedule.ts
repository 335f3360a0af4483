/**
 * A schedule of faults as data, drawn from a seed alone: what is broken, when, for how long. The same seed is the same
 * schedule on any machine; how real processes come through it is not, as their time is real.
 *
 *   at most one fault at a time on the process, the disk and the queue files of one program, on one receiver's
 *   connections, on one application, on the list of hosts; everything has ended at `durationMs`
 */
import { createRandom, type Random } from '../support/random.ts'

export const receivers = [0, 1, 2] as const
export type ReceiverIndex = (typeof receivers)[number]

/** Named after how each of the three is fed. */
export const sources = ['http', 'files', 'tcp'] as const
export type Source = (typeof sources)[number]

export type SenderName = `sender-${Source}`
export type ProgramName = SenderName | `receiver-${ReceiverIndex}`

/** All times are ms. */
export type Fault =
  | { kind: 'kill'; target: ProgramName; downMs: number }
  | { kind: 'terminate'; target: ProgramName; graceMs: number; downMs: number }
  | { kind: 'hang'; target: ProgramName; forMs: number }
  /** Killed, and the last segment of its queue loses its end. */
  | { kind: 'tear-queue'; target: SenderName; bytes: number; downMs: number }
  /** Killed, and one bit of its queue is flipped, `where` of [0, 1) counting over all its bytes. */
  | { kind: 'flip-bit'; target: SenderName; where: number; bit: number; downMs: number }
  | { kind: 'fill-disk'; target: SenderName; forMs: number }
  | { kind: 'reset-connections'; receiver: ReceiverIndex; times: number; everyMs: number }
  | { kind: 'refuse-connections'; receiver: ReceiverIndex; forMs: number }
  /** Nothing moves either way, and then goes on. */
  | { kind: 'stall-connections'; receiver: ReceiverIndex; forMs: number }
  /** What is sent vanishes, and nobody says so; reset in the end. */
  | { kind: 'half-open'; receiver: ReceiverIndex; forMs: number }
  | { kind: 'throttle'; receiver: ReceiverIndex; bytesPerSecond: number; forMs: number }
  /** Each connection is reset once that many bytes went to the receiver, in the middle of a body as a rule. */
  | { kind: 'cut-bodies'; receiver: ReceiverIndex; afterBytes: number; forMs: number }
  /** Requests arrive, and the connection is reset in place of the answer. */
  | { kind: 'lose-answers'; receiver: ReceiverIndex; forMs: number }
  | { kind: 'slow-application'; receiver: ReceiverIndex; delayMs: number; forMs: number }
  | { kind: 'failing-application'; receiver: ReceiverIndex; status: 400 | 429 | 503; forMs: number }
  | { kind: 'jump-clock'; target: ProgramName; byMs: number }
  | { kind: 'rotate-leaf'; receiver: ReceiverIndex }
  /** A bundle of both authorities first, then leaves of the new one, then the bundle without the old one. */
  | { kind: 'rotate-authority'; stepMs: number }
  | { kind: 'change-hosts'; receivers: ReceiverIndex[]; forMs: number }

export type FaultKind = Fault['kind']

export interface Step {
  /** From the start, ms. */
  at: number
  fault: Fault
}

export interface Schedule {
  seed: number
  durationMs: number
  /** A queue in memory of the sender whose application keeps what is not told safe, else on disk. */
  httpQueue: 'Memory' | 'Disk'
  clientCertificates: boolean
  /** Of each sender's queue, bytes: a small one is full at the first fault. */
  queueSize: number
  steps: Step[]
}

interface Draw {
  random: Random
  /** At which moment it begins, ms. */
  at: number
  /** What is left then. */
  leftMs: number
}

/** How often a kind is drawn, and how. */
interface Kind {
  weight: number
  /** What it takes for its time; two faults never take the same thing at once. */
  draw(draw: Draw): { fault: Fault; takes: string[]; lastsMs: number }
}

/** Time after the last fault in which the world can settle while its applications still write. */
const calmMs = 300
const second = 1000

export function scheduleOf(seed: number, durationMs = 6 * second): Schedule {
  const random = createRandom(seed)
  const taken = new Map<string, number>()
  const steps: Step[] = []
  let at = random.integer(200, 500)
  while (at < durationMs - calmMs - 200) {
    const leftMs = durationMs - calmMs - at
    const kind = kinds[random.weighted(kinds.map(({ weight }) => weight))]
    const drawn = kind?.draw({ random, at, leftMs })
    if (drawn !== undefined && drawn.lastsMs <= leftMs) {
      const free = drawn.takes.every((each) => (taken.get(each) ?? 0) <= at)
      if (free) {
        steps.push({ at, fault: drawn.fault })
        for (const each of drawn.takes) taken.set(each, at + drawn.lastsMs)
      }
    }
    at += random.integer(50, 700)
  }
  return {
    seed,
    durationMs,
    httpQueue: random.chance(0.3) ? 'Memory' : 'Disk',
    clientCertificates: random.chance(0.5),
    queueSize: random.pick([512 * 1024, 4 * 2 ** 20, 32 * 2 ** 20]),
    steps,
  }
}

const senders = sources.map((source) => `sender-${source}` as const)
const programs = [...senders, ...receivers.map((index) => `receiver-${index}` as const)]

function period({ random, leftMs }: Draw, atMost: number): number {
  return random.integer(100, Math.max(100, Math.min(atMost, leftMs)))
}

const kinds: readonly Kind[] = [
  {
    weight: 5,
    draw: (draw) => {
      const target = draw.random.pick(programs)
      const downMs = draw.random.integer(0, 800)
      return { fault: { kind: 'kill', target, downMs }, takes: [target], lastsMs: downMs + second }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const target = draw.random.pick(programs)
      const downMs = draw.random.integer(0, 500)
      const graceMs = draw.random.integer(500, 2000)
      return {
        fault: { kind: 'terminate', target, graceMs, downMs },
        takes: [target],
        lastsMs: downMs + graceMs + second,
      }
    },
  },
  {
    weight: 3,
    draw: (draw) => {
      const target = draw.random.pick(programs)
      const forMs = period(draw, 3000)
      return { fault: { kind: 'hang', target, forMs }, takes: [target], lastsMs: forMs }
    },
  },
  {
    weight: 2,
    draw: ({ random }) => {
      const target = random.pick(senders)
      const downMs = random.integer(0, 500)
      const bytes = random.integer(1, random.pick([16, 300, 5000]))
      return {
        fault: { kind: 'tear-queue', target, bytes, downMs },
        takes: [target],
        lastsMs: downMs + second,
      }
    },
  },
  {
    weight: 2,
    draw: ({ random }) => {
      const target = random.pick(senders)
      const downMs = random.integer(0, 500)
      const fault = { kind: 'flip-bit', target, where: random.next(), bit: random.integer(0, 7) }
      return {
        fault: { ...fault, kind: 'flip-bit', downMs },
        takes: [target],
        lastsMs: downMs + second,
      }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const target = draw.random.pick(senders)
      const forMs = period(draw, 2500)
      return {
        fault: { kind: 'fill-disk', target, forMs },
        takes: [`disk of ${target}`],
        lastsMs: forMs,
      }
    },
  },
  {
    weight: 3,
    draw: ({ random }) => {
      const receiver = random.pick(receivers)
      const times = random.integer(1, 5)
      const everyMs = random.integer(20, 200)
      return {
        fault: { kind: 'reset-connections', receiver, times, everyMs },
        takes: [`connections of ${receiver}`],
        lastsMs: times * everyMs,
      }
    },
  },
  ...(['refuse-connections', 'stall-connections', 'half-open', 'lose-answers'] as const).map(
    (kind): Kind => ({
      weight: 2,
      draw: (draw) => {
        const receiver = draw.random.pick(receivers)
        const forMs = period(draw, kind === 'lose-answers' ? 1000 : 2500)
        return {
          fault: { kind, receiver, forMs },
          takes: [`connections of ${receiver}`],
          lastsMs: forMs,
        }
      },
    }),
  ),
  {
    weight: 2,
    draw: (draw) => {
      const receiver = draw.random.pick(receivers)
      const forMs = period(draw, 2500)
      const bytesPerSecond = draw.random.pick([500, 10_000, 50_000])
      return {
        fault: { kind: 'throttle', receiver, bytesPerSecond, forMs },
        takes: [`connections of ${receiver}`],
        lastsMs: forMs,
      }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const receiver = draw.random.pick(receivers)
      const forMs = period(draw, 1500)
      const afterBytes = draw.random.integer(1, 20_000)
      return {
        fault: { kind: 'cut-bodies', receiver, afterBytes, forMs },
        takes: [`connections of ${receiver}`],
        lastsMs: forMs,
      }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const receiver = draw.random.pick(receivers)
      const forMs = period(draw, 3000)
      const delayMs = draw.random.pick([50, 300, 1500])
      return {
        fault: { kind: 'slow-application', receiver, delayMs, forMs },
        takes: [`application ${receiver}`],
        lastsMs: forMs,
      }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const receiver = draw.random.pick(receivers)
      const forMs = period(draw, 2500)
      const status = draw.random.pick([400, 429, 503] as const)
      return {
        fault: { kind: 'failing-application', receiver, status, forMs },
        takes: [`application ${receiver}`],
        lastsMs: forMs,
      }
    },
  },
  {
    weight: 2,
    draw: ({ random }) => {
      const target = random.pick(programs)
      const byMs = random.pick([-1, 1]) * random.pick([5 * second, 3600 * second, 86_400 * second])
      return { fault: { kind: 'jump-clock', target, byMs }, takes: [], lastsMs: 0 }
    },
  },
  {
    weight: 2,
    draw: ({ random }) => {
      const receiver = random.pick(receivers)
      return {
        fault: { kind: 'rotate-leaf', receiver },
        takes: ['certificates'],
        lastsMs: 100,
      }
    },
  },
  {
    weight: 1,
    draw: ({ random }) => {
      const stepMs = random.integer(1200, 1600)
      return {
        fault: { kind: 'rotate-authority', stepMs },
        takes: ['certificates'],
        lastsMs: 2 * stepMs + 100,
      }
    },
  },
  {
    weight: 2,
    draw: (draw) => {
      const forMs = period(draw, 3000)
      // An empty list as well: it keeps what the sender knew.
      const kept = receivers.filter(() => draw.random.chance(0.5))
      return {
        fault: { kind: 'change-hosts', receivers: kept, forMs },
        takes: ['hosts'],
        lastsMs: forMs,
      }
    },
  },
]

/** One line for each step, as it is printed and kept beside the logs. */
export function scheduleText({ steps, ...rest }: Schedule): string {
  const lines = steps.map(({ at, fault: { kind, ...details } }) => {
    const told = Object.entries(details).map(([key, value]) => `${key} ${String(value)}`)
    return `${String(at).padStart(6)} ms  ${kind}: ${told.join(', ')}`
  })
  const settings = Object.entries(rest).map(([key, value]) => `${key} ${value}`)
  return [settings.join(', '), ...lines].join('\n')
}
