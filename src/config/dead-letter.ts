/** Where a program that runs by flags keeps events that are at fault themselves. */
import { join } from 'node:path'
import { type DeadLetterSettings, defaults } from '../api/sidecar-config.ts'
import type { Environment } from './placement.ts'
import { sizeFlag } from './values.ts'

export const deadLetterFlags = {
  'dead-letter-dir': {
    value: 'DIR',
    help: 'folder for events that are refused for themselves (~/.local/state/logstash-link/…)',
  },
  'dead-letter-size': { value: 'SIZE', help: 'bound of that folder (16Mi)' },
} as const

/**
 * The folder that was given, else one of the program's own under the user's state folder (XDG base directories); it is
 * made when the first event goes there. Undefined only where the environment names no home.
 */
export function deadLetterFrom(
  flags: { get(name: keyof typeof deadLetterFlags): string | undefined },
  program: string,
  env: Environment,
  problems: string[],
): DeadLetterSettings | undefined {
  const maxSize = sizeFlag(flags, 'dead-letter-size', defaults.deadLetterMaxSize, problems)
  const state = env.XDG_STATE_HOME ?? (env.HOME && join(env.HOME, '.local', 'state'))
  const directory =
    flags.get('dead-letter-dir') ?? (state ? join(state, 'logstash-link', program) : undefined)
  return directory === undefined ? undefined : { directory, maxSize }
}
