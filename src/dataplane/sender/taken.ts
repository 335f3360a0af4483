/** What each host took and refused: whether a host that refuses a batch takes others. */
import { createVouching, type Vouching } from '../vouching.ts'

export interface Taken {
  /** Times are ms of one monotonic clock. */
  add(host: string, at: number): void
  /** Did it take anything since it last refused a whole batch? */
  takes(host: string, now: number): boolean
  tookSince(host: string, time: number): boolean
  /** May what it refused as a whole be poison? Asked once for each such batch. */
  vouchesFor(host: string, count: number, times: { sentAt: number; now: number }): boolean
}

const minute = 60_000
const knownHosts = 64

export function createTaken(): Taken {
  /** The one that was heard of last stands last. */
  const hosts = new Map<string, { vouching: Vouching; takenAt: number; heardAt: number }>()

  function heard(host: string, at: number): { vouching: Vouching; takenAt: number } {
    const known = hosts.get(host)
    const next = { vouching: createVouching(), takenAt: -Infinity, ...known, heardAt: at }
    hosts.delete(host)
    hosts.set(host, next)
    for (const [name, { heardAt }] of hosts) {
      if (hosts.size <= knownHosts || heardAt > at - minute) break
      hosts.delete(name)
    }
    return next
  }

  return {
    add(host, at) {
      const its = heard(host, at)
      its.takenAt = at
      its.vouching.took(at)
    },
    takes: (host, now) => hosts.get(host)?.vouching.takes(now) ?? false,
    tookSince: (host, time) => (hosts.get(host)?.takenAt ?? -Infinity) > time,
    vouchesFor: (host, count, times) => heard(host, times.now).vouching.vouchesFor(count, times),
  }
}
