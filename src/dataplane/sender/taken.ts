/** What each host took last: whether a host that refuses a batch takes others. */

export interface Taken {
  /** `batch` is its first sequence number; `at` in ms. */
  add(host: string, batch: number, at: number): void
  /** Did it take another batch within the last minute? */
  hasOther(host: string, batch: number, now: number): boolean
}

const minute = 60_000
const knownHosts = 64

export function createTaken(): Taken {
  const last = new Map<string, { at: number; batch: number }[]>()

  return {
    add(host, batch, at) {
      // Two suffice to answer "another batch than this one".
      const others = (last.get(host) ?? []).filter((each) => each.batch !== batch)
      last.delete(host)
      last.set(host, [...others.slice(-1), { at, batch }])
      for (const [name, [oldest]] of last) {
        if (last.size <= knownHosts || (oldest?.at ?? 0) > at - minute) break
        last.delete(name)
      }
    },
    hasOther: (host, batch, now) =>
      (last.get(host) ?? []).some((each) => each.batch !== batch && each.at >= now - minute),
  }
}
