/** What a check found. Pure. */

export type Outcome = 'ok' | 'warning' | 'failed'

export interface CheckResult {
  /** What is checked, as a statement that should hold: `cert-manager answers`. */
  name: string
  outcome: Outcome
  /** One sentence on what was found. */
  message: string
  /** What mends it: a command or a sentence. */
  mend?: string
}

/** 0: nothing failed; warnings are for people to judge. */
export function exitCodeOf(results: readonly CheckResult[]): number {
  return results.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

export function countsOf(results: readonly CheckResult[]): Record<Outcome, number> {
  const count = (outcome: Outcome) => results.filter((each) => each.outcome === outcome).length
  return { ok: count('ok'), warning: count('warning'), failed: count('failed') }
}
