/**
 * Command lines: a table of flags, parsed so that all problems are told at once, and the help text made of the same
 * table. Values stay strings here; the settings that use them say what they expect.
 */
import { parseArgs } from 'node:util'

interface Flag {
  /** Placeholder of the value in the help text; a flag without one takes no value. */
  value?: string
  help: string
  /** May be given more than once. */
  repeat?: true
  /** One letter that stands for it: `-n`. */
  short?: string
}

export type FlagTable = Readonly<Record<string, Flag>>

export class Flags<T extends FlagTable> {
  readonly #given: ReadonlyMap<string, readonly string[]>
  /** One sentence for each thing that is wrong with the command line itself. */
  readonly problems: string[]
  /** What stands alone, where the program takes such. */
  readonly operands: readonly string[]

  constructor(
    given: ReadonlyMap<string, readonly string[]>,
    problems: string[],
    operands: readonly string[] = [],
  ) {
    this.#given = given
    this.problems = problems
    this.operands = operands
  }

  has(name: keyof T & string): boolean {
    return this.#given.has(name)
  }

  get(name: keyof T & string): string | undefined {
    return this.#given.get(name)?.[0]
  }

  all(name: keyof T & string): readonly string[] {
    return this.#given.get(name) ?? []
  }

  /** The names that were given, out of those asked for, as they are written on a command line. */
  given(...names: (keyof T & string)[]): string[] {
    return names.filter((name) => this.has(name)).map((name) => `--${name}`)
  }
}

/**
 * Never throws: what is wrong stands in `problems`.
 *
 * @param maxOperands how many arguments may stand without a flag
 */
export function parseFlags<T extends FlagTable>(
  args: readonly string[],
  table: T,
  maxOperands = 0,
): Flags<T> {
  const problems: string[] = []
  const operands: string[] = []
  const given = new Map<string, string[]>()
  const options = Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [
      name,
      {
        type: flag.value === undefined ? ('boolean' as const) : ('string' as const),
        ...(flag.short === undefined ? {} : { short: flag.short }),
      },
    ]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (operands.length < maxOperands) operands.push(token.value)
      else problems.push(`${tooMany(maxOperands)}, got ${show(token.value)}`)
    }
    if (token.kind !== 'option') continue
    const flag = table[token.name]
    if (flag === undefined) {
      problems.push(
        `Expected a known flag, got \`${token.rawName}\`${suggestion(token.name, table)}`,
      )
    } else if (flag.value !== undefined && isMissing(token)) {
      problems.push(`Expected \`--${token.name}\` to have a value ${flag.value}, got none`)
    } else if (flag.value === undefined && token.value !== undefined) {
      problems.push(
        `Expected \`--${token.name}\` to stand alone, got the value ${show(token.value)}`,
      )
    } else if (given.has(token.name) && flag.repeat === undefined) {
      problems.push(`Expected \`--${token.name}\` once, got it more than once`)
    } else {
      given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? ''])
    }
  }
  return new Flags(given, problems, operands)
}

function tooMany(maxOperands: number): string {
  return maxOperands === 0
    ? 'Expected only flags'
    : `Expected at most ${maxOperands} argument${maxOperands === 1 ? '' : 's'} beside the flags`
}

/** A value that looks like the next flag is a forgotten value, unless it was written with `=`. */
function isMissing(token: { value?: string | undefined; inlineValue?: boolean | undefined }) {
  if (token.value === undefined || token.value === '') return true
  return token.inlineValue !== true && token.value.startsWith('--')
}

/** Aligned lines, one a flag, in the order of the table. */
export function renderFlags(table: FlagTable): string {
  const rows = Object.entries(table).map(([name, flag]) => [
    `${flag.short === undefined ? '' : `-${flag.short}, `}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`,
    flag.repeat === undefined ? flag.help : `${flag.help} (may be repeated)`,
  ])
  const width = Math.max(...rows.map(([left = '']) => left.length))
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

export function show(value: string): string {
  return JSON.stringify(value)
}

function suggestion(name: string, table: FlagTable): string {
  const near = Object.keys(table).find(
    (known) => known.startsWith(name) || name.startsWith(known) || known.endsWith(`-${name}`),
  )
  return near === undefined ? '' : `; did you mean \`--${near}\`?`
}
