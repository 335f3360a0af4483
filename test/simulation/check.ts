/** What must hold once all faults are over and everything has come to rest. */
import { isSafe, type Copy, type Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'
import type { SenderLife } from './sender-life.ts'
import type { SimulatedSender } from './sender.ts'

/** The first broken promise, or undefined. */
export function check(
  plan: Plan,
  senders: readonly SimulatedSender[],
  promised: ReadonlySet<Copy>,
  ledger: Ledger,
): string | undefined {
  for (const [index, sender] of senders.entries()) {
    const problem =
      sender.plan.queue.type === 'Memory'
        ? inMemory(sender, promised)
        : onDisk(sender, promised, hasTrouble(plan, index))
    if (problem !== undefined) return `${sender.name}: ${problem}`
  }
  const duplicates = ledger.duplicates()
  if (duplicates.length > 0 && !mayRepeat(plan)) {
    return `${duplicates.length} events were delivered twice, and no fault explains it${few(duplicates)}`
  }
  return undefined
}

function inMemory({ lives }: SimulatedSender, promised: ReadonlySet<Copy>): string | undefined {
  for (const [index, life] of lives.entries()) {
    const broken = life.accepted.filter((copy) => promised.has(copy) && !isSafe(copy))
    const problem = broken.length > 0 ? answeredFor(broken) : account(life)
    if (problem !== undefined) return `life ${index}: ${problem}`
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
  if (lost.length < dropped) {
    return `${dropped} events were counted as dropped, ${lost.length} are lost`
  }
  if (lost.length > dropped + withdrawn + remaining) {
    return `${lost.length} events are lost, ${dropped} were dropped, ${withdrawn} withdrawn and ${remaining} left${few(lost)}`
  }
  const known = delivered + buried + dropped + withdrawn + remaining
  if (known < collected || (withdrawn === 0 && remaining === 0 && known !== collected)) {
    return `of ${collected} events ${delivered} were delivered, ${buried} dead-lettered, ${dropped} dropped, ${withdrawn} withdrawn, and ${remaining} left`
  }
  return undefined
}

/** Longest time from the commit to the disk while that is well, ms. */
const commitTime = 500

/** A queue on disk outlives every crash: only what was not on the disk yet goes with one, and what was dropped. */
function onDisk(
  { lives }: SimulatedSender,
  promised: ReadonlySet<Copy>,
  trouble: boolean,
): string | undefined {
  const dropped = lives.reduce((sum, { counts }) => sum + counts.dropped, 0)
  const broken: Copy[] = []
  const lost: Copy[] = []
  for (const { accepted, counts, ended } of lives) {
    for (const copy of accepted) {
      if (isSafe(copy)) continue
      if (promised.has(copy)) broken.push(copy)
      const crashed = ended !== undefined && (trouble || ended.at - copy.acceptedAt < commitTime)
      const isWithdrawn = !copy.streamed && counts.withdrawn > 0
      if (!isWithdrawn && (copy.sent || !crashed)) lost.push(copy)
    }
  }
  if (broken.length > dropped) return answeredFor(broken)
  if (lost.length > dropped) {
    return `${lost.length} events are lost that were on the disk, ${dropped} were dropped${few(lost)}`
  }
  if (lives.length === 1 && lives[0]?.counts.withdrawn === 0) {
    const [{ accepted }] = lives
    const all = accepted.filter((copy) => !isSafe(copy)).length
    if (all !== dropped) return `${all} events are lost, ${dropped} were counted as dropped`
  }
  return undefined
}

function answeredFor(copies: readonly Copy[]): string {
  return `${copies.length} events were answered for and are lost${few(copies)}`
}

function few(copies: readonly Copy[]): string {
  const ids = copies.slice(0, 5).map(({ id }) => id)
  return `: ${ids.join(', ')}`
}

function hasTrouble({ faults }: Plan, sender: number): boolean {
  return faults.some((each) => each.kind === 'sender disk full' && each.on === sender)
}

/** Faults that a receiver's memory of batch keys covers while there is no other host and it lives on. */
const covered = new Set([
  'sender crashes',
  'sender stops',
  'sender disk full',
  'not ready',
  'cut',
  'slow path',
  'resets',
  'clock jumps',
])

/** What outlives a sender: its queue, or a file that it tails. */
function isKept(sender: Plan['senders'][number] | undefined): boolean {
  return sender !== undefined && (sender.plan.queue.type === 'Disk' || sender.file.length > 0)
}

function mayRepeat({ senders, hosts, faults }: Plan): boolean {
  const harmful = faults.filter(({ kind }) => kind !== 'clock jumps' && kind !== 'not ready')
  if (harmful.length === 0) return false
  if (hosts.length > 1 || hosts[0] === undefined) return true
  // Another life cuts other batches.
  const restarts = faults.some(
    (each) =>
      (each.kind === 'sender crashes' || each.kind === 'sender stops') && isKept(senders[each.on]),
  )
  return restarts || !harmful.every(({ kind }) => covered.has(kind))
}
