/** JSON log lines → lines for people: `12:00:00.000 WARN  sender  sentence  host=a count=2`. */
import { stripVTControlCharacters } from 'node:util'

const colours: Record<string, string> = { debug: '90', info: '32', warn: '33', error: '31' }

/** A destination for pino that writes to a terminal. */
export function readableLines(terminal: { write(text: string): unknown }): {
  write(line: string): void
} {
  return {
    write: (line) => {
      terminal.write(readableLine(line))
    },
  }
}

/**
 * One line. Values come from outside (a host's answer, a file's name), so control characters are taken out of them: a
 * terminal would obey them.
 */
function readableLine(line: string): string {
  const { time, level, program, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const name = String(level)
  const sentence = plain(typeof msg === 'string' ? msg : '')
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${show(value)}`)
  const failure = isError(err) ? [`err=${show(err.message)}`] : []
  return `${[
    `${String(time).slice(11, 23)} \u001b[${colours[name] ?? '0'}m${name.toUpperCase().padEnd(5)}\u001b[0m`,
    String(program),
    sentence,
    [...pairs, ...failure].join(' '),
  ]
    .filter((part) => part !== '')
    .join('  ')}\n`
}

function show(value: unknown): string {
  return plain(
    typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value),
  )
}

function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, ' ')
}

function isError(value: unknown): value is { message: string } {
  return typeof value === 'object' && value !== null && 'message' in value
}
