/**
 * What a receiver that is not ours refuses with 400, 413, 415 or 422 is split until what is at fault stands alone. An
 * event is poison only beside others that pass; a refuser that takes nothing is itself at fault.
 *
 *             took another batch since it last refused a whole one?
 *                 yes │                      │ no
 *                     │          some events, spread over the batch, one by one
 *                     │             one passes │          │ none passes
 *                     ▼                        ▼          ▼
 *         halves, until a part passes or is one event   keep everything: the host's fault
 *                     │ one event, refused
 *          poison beside what passed, once it was asked for again if it was refused before that;
 *          where nothing of the batch passed, if other batches vouch for it: see vouching.ts
 *
 * Poison that cannot be kept stays, and stays poison: what passed beside it is gone by then and vouches no more.
 */
import type { Outcome } from './outcome.ts'
import { splitPart, type Part } from './part.ts'

/** How the splitting ended. `rest` was neither delivered nor found to be poison and goes back to the queue of batches. */
export interface Sifted<Owner> {
  rest: Part<Owner>[]
  /** What ended it before its time: a failure of another class, or the verdict on the host. */
  ended: Exclude<Outcome, { kind: 'delivered' }> | undefined
  tookSome: boolean
}

export interface Sieve<Owner> {
  send: (part: Part<Owner>) => Promise<Outcome>
  /** Did this host take anything since it last refused a whole batch? */
  takesOthers: () => boolean
  /** Do others that it took vouch for it, though it took none of these? Asked once, at the verdict. */
  isVouchedFor: (count: number) => boolean
  delivered: (part: Part<Owner>) => void
  /** False: there is nowhere to keep it, so it stays. */
  poison: (part: Part<Owner>, status: number) => Promise<boolean>
}

const samples = 8

/** `refused` is a part that the host has just refused. */
export async function sift<Owner>(
  refused: Part<Owner>,
  refusal: Extract<Outcome, { kind: 'refused' }>,
  { send, takesOthers, isVouchedFor, delivered, poison }: Sieve<Owner>,
): Promise<Sifted<Owner>> {
  let tookSome = false
  let isVouched = false
  const rest: Part<Owner>[] = []
  /** `early`: refused before anything passed. */
  const suspects: { part: Part<Owner>; status: number; early: boolean }[] = []

  /** Undefined when it passed; else the outcome. */
  async function attempt(part: Part<Owner>): Promise<Sifted<Owner>['ended']> {
    const outcome = await send(part)
    if (outcome.kind !== 'delivered') return outcome
    tookSome = true
    delivered(part)
    return undefined
  }

  async function condemn(part: Part<Owner>, status: number): Promise<void> {
    if (!(await poison(part, status))) rest.push({ ...part, isPoison: true })
  }

  function end(ended: Sifted<Owner>['ended'], remaining: readonly Part<Owner>[]): Sifted<Owner> {
    rest.push(...suspects.map(({ part }) => part), ...remaining)
    return { rest, ended, tookSome }
  }

  if (refused.isPoison) {
    const ended = takesOthers() ? undefined : refusal
    await condemn(refused, refusal.status)
    return { rest, ended, tookSome }
  }
  let open: Part<Owner>[]
  if (takesOthers() || refused.events.count === 1) open = [refused]
  else {
    const { singles, between } = sample(refused)
    open = between
    for (const [index, single] of singles.entries()) {
      const outcome = await attempt(single)
      if (outcome === undefined) continue
      if (outcome.kind !== 'refused') return end(outcome, [...singles.slice(index), ...open])
      suspects.push({ part: single, status: outcome.status, early: !tookSome })
    }
    isVouched = !tookSome && isVouchedFor(refused.events.count)
    if (!tookSome && !isVouched) return end(refusal, open)
  }

  // The part that was refused as a whole need not be asked for again.
  const known = open[0] === refused ? refused : undefined
  while (open.length > 0) {
    const part = open.pop()
    if (part === undefined) break
    const outcome = part === known ? refusal : await attempt(part)
    if (outcome === undefined) continue
    if (outcome.kind !== 'refused') return end(outcome, [part, ...open])
    if (part.events.count === 1) suspects.push({ part, status: outcome.status, early: !tookSome })
    else {
      const [head, tail] = splitPart(part, part.events.count >> 1)
      if (tail) open.push(tail)
      open.push(head)
    }
  }
  isVouched ||= !tookSome && isVouchedFor(refused.events.count)
  if (!tookSome && !isVouched) return end(refusal, [])
  for (;;) {
    const suspect = suspects.shift()
    if (suspect === undefined) return { rest, ended: undefined, tookSome }
    const { part, status, early } = suspect
    // The refuser may have begun to take events since, and then what it refused before says nothing.
    const outcome = early && tookSome ? await attempt(part) : refusal
    if (outcome === undefined) continue
    if (outcome.kind !== 'refused') return end(outcome, [part])
    await condemn(part, status)
  }
}

/** Single events spread over a part, and what lies between them. */
function sample<Owner>(part: Part<Owner>): { singles: Part<Owner>[]; between: Part<Owner>[] } {
  const singles: Part<Owner>[] = []
  const between: Part<Owner>[] = []
  const stride = Math.max(1, Math.floor(part.events.count / samples))
  let left: Part<Owner> | undefined = part
  while (left && singles.length < samples) {
    const [single, after]: [Part<Owner>, Part<Owner> | undefined] = splitPart(left, 1)
    singles.push(single)
    left = after
    if (left && stride > 1 && singles.length < samples) {
      const [run, following]: [Part<Owner>, Part<Owner> | undefined] = splitPart(left, stride - 1)
      between.push(run)
      left = following
    }
  }
  if (left) between.push(left)
  return { singles, between }
}
