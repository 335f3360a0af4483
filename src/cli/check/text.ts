/** Results as lines for people. Pure. */
import { type Paint, type Mark } from '../status/paint.ts'
import { wrap } from '../status/wrap.ts'
import { countsOf, type CheckResult, type Outcome } from './result.ts'

const markOf: Record<Outcome, Mark> = { ok: 'well', warning: 'warning', failed: 'bad' }

/** One result: what was found beside its name where both fit, else below it, and what mends it. */
export function resultLines(
  { name, outcome, message, mend }: CheckResult,
  { width, paint }: { width: number; paint: Paint },
): string[] {
  const mark = markOf[outcome]
  const told = (text: string) => (outcome === 'ok' ? paint.faint(text) : paint.marked(mark, text))
  const fits = name.length + message.length + 6 <= width
  const head = `${paint.mark(mark)} ${paint.strong(name)}`
  const below = (text: string, sign: string): string[] =>
    wrap(text, width - 4).map((line, index) => `  ${index === 0 ? sign : ' '} ${line}`)
  return [
    ...(fits
      ? [`${head}  ${told(message)}`]
      : [head, ...wrap(message, width - 4).map((line) => `    ${told(line)}`)]),
    ...(mend === undefined ? [] : below(mend, '→')),
  ]
}

/** `7 ok, 1 warning, 0 failed`. */
export function summary(results: readonly CheckResult[]): string {
  const { ok, warning, failed } = countsOf(results)
  return `${ok} ok, ${warning} warning${warning === 1 ? '' : 's'}, ${failed} failed`
}
