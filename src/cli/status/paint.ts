/** Colours, on a terminal alone: every text says the same without them. */
import type { Io } from '../io.ts'

/** How something is: all is well, look at it, it does not work, nobody knows. */
export type Mark = 'well' | 'warning' | 'bad' | 'unknown'

export interface Paint {
  mark(mark: Mark): string
  /** In the colour of the mark. */
  marked(mark: Mark, text: string): string
  strong(text: string): string
  faint(text: string): string
}

const signs: Record<Mark, string> = { well: '✔', warning: '!', bad: '✘', unknown: '?' }
const colours: Record<Mark, number> = { well: 32, warning: 33, bad: 31, unknown: 33 }

export function paintFor(coloured: boolean): Paint {
  const code = (number: number, text: string): string =>
    coloured && text !== '' ? `\u001b[${number}m${text}\u001b[0m` : text
  return {
    mark: (mark) => code(colours[mark], signs[mark]),
    marked: (mark, text) => code(colours[mark], text),
    strong: (text) => code(1, text),
    faint: (text) => code(2, text),
  }
}

/** Where what is printed goes to: how wide lines may be, and whether colours are wanted. */
export interface Surface {
  width: number
  coloured: boolean
  isTerminal: boolean
}

/** Columns of a pipe or a file: lines are wrapped there too, so that a long message is read at all. */
const widthElsewhere = 120
const narrowest = 40

/** See https://no-color.org for NO_COLOR. */
export function surfaceOf(stdout: Io['stdout'], env: Io['env']): Surface {
  const isTerminal = 'isTTY' in stdout && stdout.isTTY === true
  const columns =
    'columns' in stdout && typeof stdout.columns === 'number'
      ? stdout.columns
      : Number(env['COLUMNS'])
  return {
    width: Math.max(narrowest, columns > 0 ? columns : widthElsewhere),
    coloured: isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    isTerminal,
  }
}
