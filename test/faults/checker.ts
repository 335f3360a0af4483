/**
 * Counts every sequence number: what was written, what was told safe, what arrived, what was dead-lettered.
 *
 * | an event                                          | must                                                       |
 * |---------------------------------------------------|------------------------------------------------------------|
 * | told safe, by a 2xx or by standing in a file      | arrive, or be dead-lettered where it is poison             |
 * | written to a stream that ended in order           | likewise                                                   |
 * | written to a stream that broke with its reader    | likewise, but for the stream's end: from some number on    |
 * | in a record of the queue that was damaged         | nothing, if the sender said that it set something aside    |
 * | written and not told safe                         | nothing                                                    |
 *
 * Nothing arrives that was not written, poison never arrives, and an event comes at most a few times more than it was sent.
 */
import { eventIdOf, isPoison, type EventId } from './events.ts'
import { sources, type Source } from './schedule.ts'

interface Fate {
  safe: boolean
  arrivals: number
  deadLettered: boolean
  /** Its record was damaged on purpose. */
  damaged: boolean
}

/** Events of one stream, by their numbers; `broken` when its reader died. */
interface Stretch {
  from: number
  /** Exclusive. */
  to: number
  broken: boolean
}

export interface Checker {
  /** Before it is written anywhere. */
  written(source: Source, seq: number): void
  toldSafe(source: Source, from: number, to: number): void
  /** What was written to a stream, once the stream has ended. */
  stretch(source: Source, from: number, to: number, broken: boolean): void
  /** A line that the application took; without newline. */
  arrived(line: string): void
  /** An event out of a dead-letter file; the same one any number of times. */
  deadLettered(line: string): void
  damaged(ids: Iterable<EventId>): void
  /** Told safe, or surely to come, and neither arrived nor dead-lettered nor damaged. */
  missing(): string[]
  verdict(allow: Allowance): Verdict
}

export interface Allowance {
  /** The application refused everything for a while, so that single events passed for poison. */
  refusedAll: boolean
  /** The sender said by log or metric that records were set aside. */
  toldOfDamage: (source: Source) => boolean
}

export interface Verdict {
  /** Sentences, each a broken promise. */
  problems: string[]
  written: number
  arrived: number
  duplicates: number
  deadLettered: number
  /** Of streams that broke, and of damaged records: said beforehand. */
  lostAsDeclared: number
}

const shown = 20

export function createChecker(seed: number): Checker {
  const fates = new Map<Source, Fate[]>(sources.map((source) => [source, []]))
  const stretches: (Stretch & { source: Source })[] = []
  const foreign: string[] = []
  let foreigners = 0

  function fateOf({ source, seq }: EventId): Fate | undefined {
    return fates.get(source)?.[seq]
  }

  function found(line: string): Fate | undefined {
    const id = eventIdOf(seed, line)
    const fate = id && fateOf(id)
    if (fate === undefined) {
      foreigners += 1
      if (foreign.length < shown) foreign.push(line.slice(0, 300))
    }
    return fate
  }

  const came = (fate: Fate | undefined): boolean =>
    fate !== undefined && (fate.arrivals > 0 || fate.deadLettered)

  /** The first number of a broken stretch from which on everything is missing; damaged ones count as neither. */
  function endOf(own: readonly Fate[], { from, to, broken }: Stretch): number {
    if (!broken) return to
    let end = to
    while (end > from && !came(own[end - 1])) end -= 1
    return end
  }

  function eachMissing(call: (id: EventId, fate: Fate) => void): void {
    for (const [source, own] of fates) {
      const owed = own.map(({ safe }) => safe)
      for (const stretch of stretches) {
        if (stretch.source !== source) continue
        for (let seq = stretch.from; seq < endOf(own, stretch); seq += 1) owed[seq] = true
      }
      for (const [seq, fate] of own.entries()) {
        if (owed[seq] === true && !came(fate)) call({ source, seq }, fate)
      }
    }
  }

  function missing(): string[] {
    const names: string[] = []
    eachMissing((id, { damaged }) => damaged || names.push(`${id.source} ${id.seq}`))
    return names
  }

  return {
    written(source, seq) {
      const own = fates.get(source)
      if (own?.length !== seq)
        throw new Error(
          `Expected number ${own?.length} of ${source} to be written next, got ${seq}`,
        )
      own.push({ safe: false, arrivals: 0, deadLettered: false, damaged: false })
    },
    toldSafe(source, from, to) {
      for (let seq = from; seq < to; seq += 1) {
        const fate = fateOf({ source, seq })
        if (fate) fate.safe = true
      }
    },
    stretch(source, from, to, broken) {
      stretches.push({ source, from, to, broken })
    },
    arrived(line) {
      const fate = found(line)
      if (fate) fate.arrivals += 1
    },
    deadLettered(line) {
      const fate = found(line)
      if (fate) fate.deadLettered = true
    },
    damaged(ids) {
      for (const id of ids) {
        const fate = fateOf(id)
        if (fate) fate.damaged = true
      }
    },
    missing,
    verdict({ refusedAll, toldOfDamage }) {
      const problems: string[] = []
      const complain = (names: readonly string[], what: string): void => {
        if (names.length > 0) problems.push(`${names.length} events ${what}: ${inShort(names)}`)
      }
      const lost = new Map<Source, string[]>()
      eachMissing(({ source, seq }, { damaged }) => {
        if (damaged) lost.set(source, [...(lost.get(source) ?? []), `${source} ${seq}`])
      })
      complain(missing(), 'are missing')
      for (const [source, names] of lost) {
        if (!toldOfDamage(source)) {
          complain(names, `of damaged records are missing, and sender-${source} did not say so`)
        }
      }
      const all = [...fates].flatMap(([source, own]) =>
        own.map((fate, seq) => ({ ...fate, source, seq })),
      )
      const names = (select: (each: (typeof all)[number]) => boolean): string[] =>
        all.filter(select).map(({ source, seq }) => `${source} ${seq}`)
      complain(
        names(({ source, seq, arrivals }) => isPoison(source, seq) && arrivals > 0),
        'are poison and arrived',
      )
      if (!refusedAll) {
        complain(
          names((each) => each.deadLettered && !isPoison(each.source, each.seq)),
          'were dead-lettered and are no poison',
        )
      }
      if (foreigners > 0) {
        problems.push(`${foreigners} lines are nobody's, or were changed: ${foreign.join(' | ')}`)
      }
      const gone = stretches.reduce((sum, each) => {
        return sum + each.to - endOf(fates.get(each.source) ?? [], each)
      }, 0)
      return {
        problems,
        written: all.length,
        arrived: all.filter(({ arrivals }) => arrivals > 0).length,
        duplicates: all.reduce((sum, { arrivals }) => sum + Math.max(0, arrivals - 1), 0),
        deadLettered: all.filter(({ deadLettered }) => deadLettered).length,
        lostAsDeclared: gone + [...lost.values()].reduce((sum, each) => sum + each.length, 0),
      }
    },
  }
}

function inShort(names: readonly string[]): string {
  const rest = names.length - shown
  return names.slice(0, shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
