/** Brings a fault about in a world and takes it back; each resolves when its time is over. */
import { setTimeout as delay } from 'node:timers/promises'
import { wellDisposed, type Mood } from './application.ts'
import { flipBit, tearQueue } from './damage.ts'
import type { Weather } from './proxy.ts'
import { receivers, type Fault, type FaultKind, type ReceiverIndex } from './schedule.ts'
import { queueOf } from './settings.ts'
import type { World } from './world.ts'

type Effects = {
  [Kind in FaultKind]: (world: World, fault: Extract<Fault, { kind: Kind }>) => Promise<void>
}

export async function bringAbout(world: World, fault: Fault): Promise<void> {
  const effect = effects[fault.kind] as (world: World, fault: Fault) => Promise<void>
  world.note(`${JSON.stringify(fault)} begins`)
  await effect(world, fault)
  world.note(`${fault.kind} is over`)
}

async function weather(
  world: World,
  { receiver, forMs }: { receiver: ReceiverIndex; forMs: number },
  next: Weather,
): Promise<void> {
  world.proxy(receiver).weather(next)
  await delay(forMs)
  world.proxy(receiver).weather({ kind: 'fair' })
}

async function mood(
  world: World,
  { receiver, forMs }: { receiver: ReceiverIndex; forMs: number },
  next: Mood,
): Promise<void> {
  world.application.mood(receiver, next)
  await delay(forMs)
  world.application.mood(receiver, wellDisposed)
}

const effects: Effects = {
  async kill({ processes }, { target, downMs }) {
    await processes.kill(target)
    await delay(downMs)
    processes.start(target)
  },
  async terminate({ processes }, { target, graceMs, downMs }) {
    await processes.terminate(target, graceMs)
    await delay(downMs)
    processes.start(target)
  },
  async hang({ processes }, { target, forMs }) {
    processes.signal(target, 'SIGSTOP')
    await delay(forMs)
    processes.signal(target, 'SIGCONT')
  },
  async 'fill-disk'(world, { target, forMs }) {
    const disk = world.diskOf(target)
    disk?.fill()
    await delay(forMs)
    disk?.free()
  },
  async 'reset-connections'(world, { receiver, times, everyMs }) {
    for (let time = 0; time < times; time += 1) {
      world.proxy(receiver).resetAll()
      await delay(everyMs)
    }
  },
  'refuse-connections': (world, fault) => weather(world, fault, { kind: 'refuse' }),
  'stall-connections': (world, fault) => weather(world, fault, { kind: 'stall' }),
  'half-open': (world, fault) => weather(world, fault, { kind: 'swallow' }),
  throttle: (world, fault) =>
    weather(world, fault, { kind: 'throttle', bytesPerSecond: fault.bytesPerSecond }),
  'cut-bodies': (world, fault) =>
    weather(world, fault, { kind: 'cut', afterBytes: fault.afterBytes }),
  'lose-answers': (world, fault) => weather(world, fault, { kind: 'lose-answers' }),
  'slow-application': (world, fault) => mood(world, fault, { delayMs: fault.delayMs }),
  'failing-application': (world, fault) => mood(world, fault, { delayMs: 0, status: fault.status }),
  async 'jump-clock'({ processes }, { target, byMs }) {
    processes.jumpClock(target, byMs)
  },
  async 'rotate-leaf'({ certificates }, { receiver }) {
    await certificates.renew(`receiver-${receiver}`)
  },
  async 'rotate-authority'({ certificates }, { stepMs }) {
    await certificates.addAuthority()
    await delay(stepMs)
    certificates.useNewest()
    for (const index of receivers) await certificates.renew(`receiver-${index}`)
    for (const source of ['http', 'files', 'tcp'] as const) {
      await certificates.renew(`sender-${source}`)
    }
    await delay(stepMs)
    certificates.dropOldest()
  },
  async 'change-hosts'(world, { receivers: listed, forMs }) {
    world.changeHosts(listed)
    await delay(forMs)
    world.changeHosts(receivers)
  },
  async 'tear-queue'(world, { target, bytes, downMs }) {
    await world.processes.kill(target)
    const events = tearQueue(queueOf(world.folder, target), world.seed, bytes)
    world.note(`torn: ${JSON.stringify(events)}`)
    world.damaged(events)
    await delay(downMs)
    world.processes.start(target)
  },
  async 'flip-bit'(world, { target, downMs, ...where }) {
    await world.processes.kill(target)
    const flipped = flipBit(queueOf(world.folder, target), world.seed, where)
    world.note(`flipped: ${JSON.stringify(flipped)}`)
    world.damaged(flipped?.events)
    await delay(downMs)
    world.processes.start(target)
  },
}
