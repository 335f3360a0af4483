/** Values of flags: text → number, size, time, choice. A wrong one adds a problem and gives the default, so that all are told together. */
import { parseDuration } from '../api/duration.ts'
import { parseQuantity } from '../api/quantity.ts'
import type { LogLevel } from '../api/sidecar-config.ts'
import { LogstashLinkError } from '../errors.ts'
import { show } from './flags.ts'

interface Given<N extends string> {
  get(name: N): string | undefined
}

/** 0 stands for any free port. */
export function portFlag<N extends string>(
  flags: Given<N>,
  name: N,
  fallback: number,
  problems: string[],
): number {
  return integerFlag(flags, name, { fallback, min: 0, max: 65_535 }, problems)
}

export function integerFlag<N extends string>(
  flags: Given<N>,
  name: N,
  { fallback, min, max }: { fallback: number; min: number; max: number },
  problems: string[],
): number {
  const text = flags.get(name)
  if (text === undefined) return fallback
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  problems.push(`Expected \`--${name}\` to be an integer from ${min} to ${max}, got ${show(text)}`)
  return fallback
}

/** Bytes, written as a quantity such as 64Mi. */
export function sizeFlag<N extends string>(
  flags: Given<N>,
  name: N,
  fallback: number,
  problems: string[],
): number {
  return parsed(flags, name, fallback, problems, parseQuantity)
}

/** Milliseconds, written as a duration such as 50ms. */
export function durationFlag<N extends string>(
  flags: Given<N>,
  name: N,
  fallback: number,
  problems: string[],
): number {
  return parsed(flags, name, fallback, problems, parseDuration)
}

export function choiceFlag<N extends string, V extends string>(
  flags: Given<N>,
  name: N,
  choices: readonly V[],
  fallback: V,
  problems: string[],
): V {
  const text = flags.get(name)
  if (text === undefined) return fallback
  const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
  if (found !== undefined) return found
  const expected = choices.map((choice) => choice.toLowerCase()).join(', ')
  problems.push(`Expected \`--${name}\` to be one of ${expected}, got ${show(text)}`)
  return fallback
}

export function logLevelFlag(
  flags: Given<'log-level'>,
  fallback: LogLevel,
  problems: string[],
): LogLevel {
  return choiceFlag(flags, 'log-level', ['Debug', 'Info', 'Warn', 'Error'], fallback, problems)
}

function parsed<N extends string>(
  flags: Given<N>,
  name: N,
  fallback: number,
  problems: string[],
  parse: (text: string, field: string) => number,
): number {
  const text = flags.get(name)
  if (text === undefined) return fallback
  try {
    const value = parse(text, `--${name}`)
    if (value > 0) return value
    problems.push(`Expected \`--${name}\` to be more than 0, got ${show(text)}`)
  } catch (error) {
    if (!(error instanceof LogstashLinkError)) throw error
    problems.push(error.message)
  }
  return fallback
}
