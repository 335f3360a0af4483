/** What happened at each host: for /status, and for a log that says each cause once. */
import type { Log } from '../../telemetry/log.ts'
import type { Outcome } from './outcome.ts'

type Problem = Exclude<Outcome, { kind: 'delivered' }>

interface HostRecord {
  sent: number
  errors: number
  /** The last problem, and whether it is one that only someone's settings can mend. */
  problem?: string
  fault: boolean
  /** RFC 3339. */
  problemAt?: string
}

export interface HostHealth {
  delivered(host: string, events: number): void
  problem(host: string, outcome: Problem): void
  of(host: string): HostRecord
  /** Forgets hosts that are no longer known. */
  keepOnly(hosts: ReadonlySet<string>): void
}

/** The same cause at the same host is logged again only after this, with the number of those between. */
const quiet = 60_000

export function createHostHealth({ log, now }: { log: Log; now: () => number }): HostHealth {
  const records = new Map<string, HostRecord & { logged: Map<string, Logged> }>()

  function of(host: string): HostRecord & { logged: Map<string, Logged> } {
    const known = records.get(host)
    if (known) return known
    const made = { sent: 0, errors: 0, fault: false, logged: new Map<string, Logged>() }
    records.set(host, made)
    return made
  }

  return {
    delivered(host, events) {
      const record = of(host)
      record.sent += events
      if (record.problem === undefined) return
      delete record.problem
      delete record.problemAt
      record.fault = false
      log.info({ host }, 'The host takes events again')
    },
    problem(host, outcome) {
      // 429 is how a host says "not now".
      if (outcome.kind === 'paused') return
      const record = of(host)
      record.errors += 1
      if (outcome.kind === 'reset' && outcome.stale) return
      record.problem = outcome.problem
      record.problemAt = new Date(now()).toISOString()
      record.fault = outcome.kind === 'refused' || (outcome.kind === 'failed' && outcome.fault)
      const logged = record.logged.get(outcome.problem)
      if (logged && now() - logged.at < quiet) {
        logged.since += 1
        return
      }
      // Foreign texts are the keys, so their number is bounded.
      if (record.logged.size > 20) record.logged.clear()
      record.logged.set(outcome.problem, { at: now(), since: 0 })
      log.warn(
        { host, problem: outcome.problem, before: logged?.since ?? 0 },
        'A host took no events',
      )
    },
    of,
    keepOnly(hosts) {
      for (const host of records.keys()) if (!hosts.has(host)) records.delete(host)
    },
  }
}

interface Logged {
  at: number
  since: number
}
