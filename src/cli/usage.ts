/** What a program says of its command line. */
import { type FlagTable, renderFlags } from '../config/flags.ts'
import type { Io } from './io.ts'

/** Exit code for a command line that is refused, as other Unix programs have it. */
const usageError = 2

/**
 * Help or problems of the command line: the exit code to end with, or undefined to go on.
 *
 * @param operands what may stand without a flag, as shown: ` [NAME]`
 */
export function answerUsage(
  program: string,
  args: readonly string[],
  table: FlagTable,
  problems: readonly string[],
  io: Io,
  operands = '',
): number | undefined {
  if (args.includes('--help')) {
    io.stdout.write(`usage: logstash-link ${program}${operands} [FLAGS]\n\n${renderFlags(table)}\n`)
    return 0
  }
  if (problems.length === 0) return undefined
  io.stderr.write(`${problems.join('\n')}\nlogstash-link ${program} --help shows all flags\n`)
  return usageError
}
