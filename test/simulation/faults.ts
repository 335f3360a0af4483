/** Does to a run what its plan says, and undoes it; of faults that overlap the last one to end undoes. */
import type { Application } from './application.ts'
import type { Clock } from './clock.ts'
import type { Host } from './host.ts'
import { goodPath, type Path } from './network.ts'
import type { Fault, Plan } from './plan.ts'
import type { SimulatedSender } from './sender.ts'
import type { Trace } from './trace.ts'

export interface Faults {
  /** The plan's time is over and all is mended. */
  over(): boolean
}

export function createFaults(deps: {
  plan: Plan
  senders: readonly SimulatedSender[]
  hosts: readonly Host[]
  applications: readonly Application[]
  /** Of each sender, by host. */
  paths: readonly ReadonlyMap<string, Path>[]
  clock: Clock
  trace: Trace
}): Faults {
  const { plan, senders, hosts, applications, paths, clock, trace } = deps
  /** By kind and target, how many of them hold now. */
  const active = new Map<string, number>()
  let left = plan.faults.length + 1

  function begin(fault: Fault): void {
    const target = `${fault.kind} ${'on' in fault ? fault.on : ''} ${'of' in fault ? fault.of : ''}`
    trace('fault', target, Math.round(fault.ms))
    active.set(target, (active.get(target) ?? 0) + 1)
    apply(fault, true)
    clock.after(fault.ms, () => {
      const others = (active.get(target) ?? 1) - 1
      active.set(target, others)
      left -= 1
      if (others > 0) return
      trace('mended', target)
      apply(fault, false)
    })
  }

  function apply(fault: Fault, on: boolean): void {
    const sender = 'on' in fault ? senders[fault.on] : undefined
    const host = 'of' in fault ? hosts[fault.of] : undefined
    const path = sender && host && paths[senders.indexOf(sender)]?.get(host.name)
    switch (fault.kind) {
      case 'sender crashes':
        return on ? sender?.crash(fault.how) : sender?.start()
      case 'sender stops':
        return on ? sender?.stop() : sender?.start()
      case 'not ready':
        return sender?.setReady(!on)
      case 'sender disk full':
        return sender?.setDiskFull(on)
      case 'host crashes':
        return on ? host?.crash() : host?.start()
      case 'host disk full':
        return host?.setDiskFull(on)
      case 'application':
        return applications[fault.of]?.setMood(on ? fault.mood : 'well')
      case 'cut':
        if (path) path.cut = on
        return
      case 'slow path':
        if (path) path.latency = on ? 1_500 : goodPath.latency
        return
      case 'resets':
        if (path) path.resetBefore = path.resetAfter = on ? 0.25 : 0
        return
      case 'other hosts': {
        const listed = on ? fault.hosts.map((index) => hosts[index]) : hosts
        return sender?.setHosts(listed.flatMap((each) => (each ? [each.name] : [])))
      }
      default:
        if (on) clock.jump(fault.by)
    }
  }

  for (const fault of plan.faults) clock.after(fault.at, () => begin(fault))
  clock.after(plan.duration, () => {
    left -= 1
  })
  return { over: () => left === 0 }
}
