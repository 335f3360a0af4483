/** Gives a file its turn, and says when it gets the next one. */
import { messageOf } from '../../../../errors.ts'
import type { Time } from '../../../time.ts'
import type { Descriptors } from './descriptors.ts'
import type { Leaving } from './leaving.ts'
import type { TailLimits } from './limits.ts'
import type { Look, Seen } from './look.ts'
import type { Report } from './report.ts'
import type { Roster } from './roster.ts'
import type { TailedFile } from './tailed-file.ts'
import type { Turns } from './turns.ts'

export interface Serving {
  serve(file: TailedFile): Promise<Seen | 'failed'>
  /** Does something with a file whatever may go wrong with it. */
  guarded(file: TailedFile, step: () => Promise<void>): Promise<void>
}

export interface ServingDeps {
  time: Time
  limits: TailLimits
  look: Look
  turns: Turns
  roster: Roster
  descriptors: Descriptors
  leaving: Leaving
  report: Report
  isStopping(this: void): boolean
  /** Whether it is heard of at once when this file changes. */
  hears(this: void, file: TailedFile): boolean
  /** Its path leads elsewhere. */
  onMoved(this: void): void
}

/** Until what cannot be read is tried again, ms. */
const again = 1_000
/** The first wait for more of a file that grew and of which nothing is heard, doubled each time, ms. */
const firstPatience = 20

export function createServing(deps: ServingDeps): Serving {
  const { time, limits, look, turns, roster, descriptors, leaving, report } = deps

  function restsUntil({ goneAt = Number.NEGATIVE_INFINITY, grewAt }: TailedFile): number {
    return Math.max(goneAt, grewAt) + limits.grace
  }

  /** Its end is reached, for now. */
  async function rest(file: TailedFile): Promise<void> {
    const now = time.now()
    if (file.goneAt !== undefined) {
      if (deps.isStopping() || now >= restsUntil(file)) await retire(file)
      else turns.ask(file.key, Math.min(now + again, restsUntil(file)))
      return
    }
    if (deps.hears(file)) return
    file.patience = patienceOf(file)
    if (file.patience < limits.interval) turns.ask(file.key, now + file.patience)
  }

  /** Only what grows under our eyes is worth to be looked at more often than all are. */
  function patienceOf({ patience, grewAt, lookedAt }: TailedFile): number {
    if (patience === undefined) return limits.interval
    return grewAt === lookedAt ? firstPatience : patience * 2
  }

  async function retire(file: TailedFile): Promise<void> {
    const unread = file.phase === 'compressed' ? 0 : file.size - file.position
    if (unread > 0) report.lost(file.path, unread)
    roster.retire(file)
    turns.drop(file.key)
    leaving.add(file)
    await descriptors.close(file.key)
  }

  async function guarded(file: TailedFile, step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      report.unreadable(file, messageOf(error))
      turns.ask(file.key, time.now() + again)
      // A stale handle of a network file system stays stale; what is gone has no other.
      if (file.goneAt === undefined) await descriptors.close(file.key)
      else if (time.now() >= restsUntil(file)) await retire(file)
    }
  }

  return {
    async serve(file) {
      let seen: Seen | 'failed' = 'failed'
      await guarded(file, async () => {
        seen = await look.read(file)
        const now = time.now()
        if (seen === 'more') turns.ask(file.key, now)
        else if (seen === 'end') await rest(file)
        else if (seen === 'blocked') turns.ask(file.key, now + again)
        else if (seen === 'moved') deps.onMoved()
        else await retire(file)
      })
      return seen
    },
    guarded,
  }
}
