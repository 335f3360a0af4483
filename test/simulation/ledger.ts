/**
 * Every event that was ever offered to a sender, and what became of it. An event that its application sends again after
 * a refusal is another copy here: so each copy's way is known by itself.
 */
import type { Events } from '../../src/dataplane/wire/events.ts'
import type { Judge } from './judge.ts'

export interface Copy {
  id: number
  line: string
  poison: boolean
  /** Times an application took it, and times it was dead-lettered. */
  taken: number
  buried: number
  /** It was in a request to a host at least once. */
  sent: boolean
  /** When a queue took it, ms; of a stream, nobody hears whether it is safe. */
  acceptedAt: number
  streamed: boolean
}

export interface Ledger {
  /** `poison` makes an application refuse it. */
  write(kind: { poison: boolean; size: number; streamed: boolean }): Copy
  eventsOf(copies: readonly Copy[]): Events
  /** Anything that nobody wrote fails the run. */
  read(body: Buffer): Copy[]
  taken(copies: readonly Copy[]): void
  /** A dead-lettered line, without its newline. */
  buried(line: Buffer): void
  /** More than once at applications. */
  duplicates(): Copy[]
  all(): readonly Copy[]
}

export function isSafe(copy: Copy): boolean {
  return copy.taken + copy.buried > 0
}

const idAt = 7
const idDigits = 7

export function createLedger({ fail }: Judge): Ledger {
  const copies: Copy[] = []

  function find(line: string): Copy[] {
    const copy = copies[Number(line.slice(idAt, idAt + idDigits))]
    if (copy?.line === line) return [copy]
    fail(`An event came that nobody sent: ${line.slice(0, 100)}`)
    return []
  }

  return {
    write({ poison, size, streamed }) {
      const id = copies.length
      const begin = `{"id":"${String(id).padStart(idDigits, '0')}","is":"${poison ? 'poison' : 'good'}","x":"`
      const copy = {
        id,
        line: `${begin}${'x'.repeat(Math.max(0, size - begin.length - 2))}"}`,
        poison,
        taken: 0,
        buried: 0,
        sent: false,
        acceptedAt: Number.POSITIVE_INFINITY,
        streamed,
      }
      copies.push(copy)
      return copy
    },
    eventsOf(list) {
      return { body: Buffer.from(list.map(({ line }) => `${line}\n`).join('')), count: list.length }
    },
    read(body) {
      const lines = body.toString('latin1').split('\n')
      if (lines.pop() !== '') fail('A body does not end with a newline')
      return lines.flatMap(find)
    },
    taken(list) {
      for (const copy of list) copy.taken += 1
    },
    buried(line) {
      for (const copy of find(line.toString('latin1'))) copy.buried += 1
    },
    duplicates: () => copies.filter(({ taken }) => taken > 1),
    all: () => copies,
  }
}
