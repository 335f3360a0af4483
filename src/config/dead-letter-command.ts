/** `logstash-link dead-letter list|replay`: their flags. */
import { parseDuration } from '../api/duration.ts'
import type { SenderSettings } from '../api/sidecar-config.ts'
import { type Flags, type FlagTable, parseFlags, show } from './flags.ts'
import type { Environment } from './placement.ts'
import { senderCommand, senderFlags } from './sender.ts'
import { credentialFlags, identityFlags, trustFlags } from './tls-flags.ts'
import { durationFlag, integerFlag } from './values.ts'

const whichFlags = {
  reason: { value: 'TEXT', help: 'only those whose reason holds this text' },
  since: { value: 'TIME', help: 'only those from then on: 2026-11-22T10:00:00Z, or 2h for ago' },
} as const satisfies FlagTable

export const deadLetterListFlags = {
  json: { help: 'the letters as they stand in the files, one a line; counts go to standard error' },
  limit: { value: 'COUNT', help: 'rows of the table: the newest (20)' },
  ...whichFlags,
  help: { help: 'show this' },
} as const satisfies FlagTable

/** Of the sender: where to, and as whom. */
const sendingFlags = {
  hosts: senderFlags.hosts,
  'no-tls': senderFlags['no-tls'],
  ...trustFlags,
  verification: senderFlags.verification,
  'server-name': senderFlags['server-name'],
  ...identityFlags,
  ...credentialFlags,
} as const satisfies FlagTable

export const deadLetterReplayFlags = {
  to: { value: 'URL', help: "in place of --hosts: a sender's collect.http, http://127.0.0.1:9801" },
  ...sendingFlags,
  ...whichFlags,
  'dry-run': { help: 'says what would be sent, and sends nothing' },
  'give-up': { value: 'TIME', help: 'ends when nothing is taken for so long (60s)' },
  help: { help: 'show this' },
} as const satisfies FlagTable

/** Which letters are meant. */
export interface DeadLetterChoice {
  paths: readonly string[]
  reason: string | undefined
  /** Milliseconds since 1970. */
  since: number | undefined
}

export interface DeadLetterListCommand extends DeadLetterChoice {
  json: boolean
  limit: number
  problems: string[]
}

export interface DeadLetterReplayCommand extends DeadLetterChoice {
  /** Undefined on a dry run that names no target, and where there are problems. */
  target: { to: string } | { sender: SenderSettings } | undefined
  dryRun: boolean
  /** Milliseconds. */
  giveUp: number
  problems: string[]
}

const maxPaths = 1000

/** `now` is what a time ago counts from, ms since 1970. */
export function deadLetterListCommand(args: readonly string[], now: number): DeadLetterListCommand {
  const flags = parseFlags(args, deadLetterListFlags, maxPaths)
  const problems = [...flags.problems]
  return {
    ...choiceFrom(flags, now, problems),
    json: flags.has('json'),
    limit: integerFlag(flags, 'limit', { fallback: 20, min: 1, max: 10_000 }, problems),
    problems,
  }
}

export function deadLetterReplayCommand(
  args: readonly string[],
  { env, now, pid }: { env: Environment; now: number; pid: number },
): DeadLetterReplayCommand {
  const flags = parseFlags(args, deadLetterReplayFlags, maxPaths)
  const problems = [...flags.problems]
  return {
    ...choiceFrom(flags, now, problems),
    target: targetFrom(flags, { env, pid }, problems),
    dryRun: flags.has('dry-run'),
    giveUp: durationFlag(flags, 'give-up', 60_000, problems),
    problems,
  }
}

function choiceFrom(
  flags: Flags<typeof whichFlags>,
  now: number,
  problems: string[],
): DeadLetterChoice {
  const { operands: paths } = flags
  if (paths.length === 0) problems.push('Expected a folder or file of dead letters, got none')
  return { paths, reason: flags.get('reason'), since: sinceFrom(flags.get('since'), now, problems) }
}

function sinceFrom(text: string | undefined, now: number, problems: string[]): number | undefined {
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (/^\d{4}-/.test(text) && !Number.isNaN(time)) return time
  try {
    return now - parseDuration(text, '--since')
  } catch {
    problems.push(
      `Expected \`--since\` to be a time such as 2026-11-22T10:00:00Z, or 2h for ago, got ${show(text)}`,
    )
    return undefined
  }
}

function targetFrom(
  flags: Flags<typeof deadLetterReplayFlags>,
  { env, pid }: { env: Environment; pid: number },
  problems: string[],
): DeadLetterReplayCommand['target'] {
  const to = flags.get('to')
  const names = Object.keys(sendingFlags) as (keyof typeof sendingFlags)[]
  const given = flags.given(...names)
  if (to !== undefined) {
    if (given.length > 0) {
      problems.push(`Expected \`--to\` alone to say where to, got it and \`${given.join('`, `')}\``)
    }
    if (URL.parse(to)?.protocol !== 'http:') {
      problems.push(`Expected \`--to\` to be an address of http, got ${show(to)}`)
    }
    return { to }
  }
  if (given.length === 0 && flags.has('dry-run')) return undefined
  if (!flags.has('hosts')) {
    problems.push('Expected `--hosts` or `--to` to say where to send, got neither')
    return undefined
  }
  const senderArgs = names.flatMap((name) =>
    flags.all(name).map((value) => (value === '' ? `--${name}` : `--${name}=${value}`)),
  )
  const { source, problems: more } = senderCommand([...senderArgs, '--http=0'], env, pid)
  problems.push(...more)
  if (source.from !== 'flags') return undefined
  const { deadLetter: _unused, ...settings } = source.settings
  return { sender: settings }
}
