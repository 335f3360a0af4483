/** What must hold once all faults are over and everything has come to rest. */
import { isSafe, type Copy, type Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'
import type { SenderLife, SimulatedSender } from './sender.ts'

/** The first broken promise, or undefined. */
export function check(
  plan: Plan,
  senders: readonly SimulatedSender[],
  promised: readonly Copy[],
  ledger: Ledger,
): string | undefined {
  const broken = promised.filter((copy) => !isSafe(copy))
  if (broken.length > 0)
    return `${broken.length} events were answered for and are lost${few(broken)}`
  for (const { name, lives } of senders) {
    for (const [index, life] of lives.entries()) {
      const problem = account(life)
      if (problem !== undefined) return `${name}, life ${index}: ${problem}`
    }
  }
  const duplicates = ledger.duplicates()
  if (duplicates.length > 0 && !mayRepeat(plan)) {
    return `${duplicates.length} events were delivered twice, and no fault explains it${few(duplicates)}`
  }
  return undefined
}

/** What a sender lost is what it counted: dropped or withdrawn ones, those that remained at its stop, or its crash. */
function account({ accepted, counts, ended }: SenderLife): string | undefined {
  const { collected, delivered, buried, dropped, withdrawn } = counts
  if (ended?.how === 'crash') return undefined
  if (collected !== accepted.length) {
    return `${collected} events were counted as collected, ${accepted.length} were taken`
  }
  const lost = accepted.filter((copy) => !isSafe(copy))
  const remaining = ended?.remaining ?? 0
  if (lost.length < dropped)
    return `${dropped} events were counted as dropped, ${lost.length} are lost`
  if (lost.length > dropped + withdrawn + remaining) {
    return `${lost.length} events are lost, ${dropped} were dropped, ${withdrawn} withdrawn and ${remaining} left${few(lost)}`
  }
  const known = delivered + buried + dropped + withdrawn + remaining
  if (known < collected || (withdrawn === 0 && remaining === 0 && known !== collected)) {
    return `of ${collected} events ${delivered} were delivered, ${buried} dead-lettered, ${dropped} dropped, ${withdrawn} withdrawn, and ${remaining} left`
  }
  return undefined
}

function few(copies: readonly Copy[]): string {
  return `: ${copies
    .slice(0, 5)
    .map(({ id }) => id)
    .join(', ')}`
}

/** Faults that a receiver's memory of batch keys covers while there is no other host and it lives on. */
const covered = new Set(['sender stops', 'not ready', 'cut', 'slow path', 'resets', 'clock jumps'])

function mayRepeat({ hosts, faults }: Plan): boolean {
  const harmless = faults.filter(({ kind }) => kind !== 'clock jumps' && kind !== 'not ready')
  if (harmless.length === 0) return false
  return (
    hosts.length > 1 || hosts[0] === undefined || !harmless.every(({ kind }) => covered.has(kind))
  )
}
