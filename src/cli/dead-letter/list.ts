/** `logstash-link dead-letter list`: the newest as a table, all counted by reason; or the lines as they stand. */
import type { DeadLetterListCommand } from '../../config/dead-letter-command.ts'
import {
  openDeadLetterFiles,
  type ReadDeadLetter,
} from '../../dataplane/dead-letter/read-dead-letters.ts'
import type { Io } from '../io.ts'
import { paintFor, surfaceOf, type Paint } from '../status/paint.ts'
import { counted, size } from '../status/words.ts'
import { chosenLetters } from './chosen.ts'
import { column, plain } from './text.ts'

/** Reasons are fixed sentences; a file that somebody else wrote may hold any number. */
const maxReasons = 100
const otherReasons = '(other reasons)'

export async function listDeadLetters(command: DeadLetterListCommand, io: Io): Promise<number> {
  const { paths, json, limit } = command
  const snapshot = await openDeadLetterFiles(paths)
  const reasons = new Map<string, number>()
  const newest: ReadDeadLetter[] = []
  let count = 0
  try {
    const onDamaged = (what: string): void => void io.stderr.write(`Skipped: ${plain(what)}\n`)
    for await (const letter of chosenLetters(snapshot, { choice: command, onDamaged })) {
      count += 1
      const isKnown = reasons.has(letter.reason) || reasons.size < maxReasons
      const reason = isKnown ? letter.reason : otherReasons
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      if (json) io.stdout.write(`${letter.line.toString()}\n`)
      else newest.push(letter)
      if (newest.length > limit) newest.shift()
    }
  } finally {
    await snapshot.close()
  }
  const { width, coloured } = surfaceOf(io.stdout, io.env)
  const paint = paintFor(coloured)
  const summary = [
    paint.strong(`${counted(count, 'dead letter')} in ${counted(snapshot.files.length, 'file')}`),
    ...[...reasons]
      .toSorted(([, a], [, b]) => b - a)
      .map(([reason, times]) => `${String(times).padStart(8)}  ${plain(reason)}`),
  ]
  if (json) {
    io.stderr.write(`${summary.join('\n')}\n`)
    return 0
  }
  if (newest.length > 0) {
    io.stdout.write(`${tableOf(newest, width, paint).join('\n')}\n`)
    if (newest.length < count)
      io.stdout.write(`${paint.faint(`the newest ${newest.length}; --limit shows more`)}\n`)
    io.stdout.write('\n')
  }
  io.stdout.write(`${summary.join('\n')}\n`)
  return 0
}

function tableOf(letters: readonly ReadDeadLetter[], width: number, paint: Paint): string[] {
  const rows = letters.map((letter) => [
    plain(letter.time),
    plain(letter.reason),
    plain(letter.host ?? '-'),
    size(letter.length ?? letter.event.length),
    `${plain(letter.event.subarray(0, 2 * width).toString())}${letter.length === undefined ? '' : '…'}`,
  ])
  const heads = ['TIME', 'REASON', 'HOST', 'SIZE', 'EVENT']
  const widths = heads.slice(0, -1).map((head, i) => {
    const longest = Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0))
    return Math.min(longest, Math.floor(width / 3))
  })
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        column(cell, widths[i] ?? Math.max(20, width - sum(widths) - 2 * widths.length)),
      )
      .join('  ')
      .trimEnd()
  return [paint.faint(line(heads)), ...rows.map(line)]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
